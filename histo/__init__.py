"""The command line over the API: a program like any other, with a token of its own.

It knows addresses and JSON, and no other room of this repository.
"""
