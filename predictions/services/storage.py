"""The installation's store of files."""

from functools import cache

from django.conf import settings

from predictions.images.store import Store


@cache
def _store_at(root: str) -> Store:
    return Store(settings.STORAGE_ROOT)


def store() -> Store:
    """Where files are kept: the only way to a stored path."""
    return _store_at(str(settings.STORAGE_ROOT))
