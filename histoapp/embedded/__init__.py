"""The embedded stack: real servers from Python wheels, for a laptop and the tests.

No Django here: `manage.py` reads the environment before the settings load.
"""
