"""Fixtures that every test can use."""

import os
from collections.abc import Iterator

import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from tests import servers


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database for this process's tests, cloned from the migrated template.

    Replaces pytest-django's: Django connects as the application's role, which may
    not make databases.
    """
    settings = connections["default"].settings_dict
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    settings["NAME"] = f"test_{worker}"
    servers.clone(settings["NAME"])
    yield
    with django_db_blocker.unblock():
        connections.close_all()


@pytest.fixture
def committed_db(
    django_db_setup: None,
    django_db_blocker: DjangoDbBlocker,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """A database of its own for a test that commits: its URL, also in DATABASE_URL.

    Threads and subprocesses of the test see what it commits.
    """
    settings = connections["default"].settings_dict
    with servers.cloned() as name, django_db_blocker.unblock():
        url = servers.postgres().url(database=name)
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setitem(settings, "NAME", name)
        connections.close_all()
        yield url
        connections.close_all()
