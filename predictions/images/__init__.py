"""From the bytes that somebody sent to pixels that are safe to show and to measure.

No Django, and no numpy where the web imports it: see docs/images.md.
"""
