"""Programs that ask in a person's name."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from PIL import Image as Picture
from pytest_django.fixtures import Settings
from rest_framework.test import APIClient

from predictions.models import Scope
from predictions.services.tokens import issue_token
from tests.predictions.api.web import Web, running_web


def client_of(user: User) -> APIClient:
    """A program with a token of that person."""
    _, secret = issue_token(user=user, name="a program", scopes=list(Scope))
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}")


def png(colour: tuple[int, int, int] = (200, 120, 170)) -> bytes:
    """A small picture."""
    file = io.BytesIO()
    Picture.new("RGB", (96, 64), colour).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(autouse=True)
def installation(settings: Settings, tmp_path: Path) -> None:
    """A store of its own; no redirect to HTTPS, which these clients do not speak."""
    settings.STORAGE_ROOT = tmp_path / "files"
    settings.SECURE_SSL_REDIRECT = False
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns where it misses it.
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        }
    }


@pytest.fixture
def anybody() -> APIClient:
    """A program without a token."""
    return APIClient()


@pytest.fixture
def as_alice(alice: User) -> APIClient:
    return client_of(alice)


@pytest.fixture
def as_bob(bob: User) -> APIClient:
    return client_of(bob)


@pytest.fixture
def as_charlie(charlie: User) -> APIClient:
    return client_of(charlie)


@pytest.fixture
def as_dora(dora: User) -> APIClient:
    return client_of(dora)


@pytest.fixture
def web(committed_db: str, installation: None, tmp_path: Path) -> Iterator[Web]:
    """The real web server, with a case of alice's on record."""
    with running_web(tmp_path) as web:
        yield web
