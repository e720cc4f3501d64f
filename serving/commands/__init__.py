"""The commands of `python -m serving`; only the one that is asked for is loaded."""
