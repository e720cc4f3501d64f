"""Readers of data sets: each gives fields with a label and a group."""

from training.datasets.fields import Field, Reader

__all__ = ["Field", "Reader"]
