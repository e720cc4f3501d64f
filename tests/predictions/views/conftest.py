"""The portal without a socket: people's browsers, signed in."""

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from PIL import Image as Picture
from pytest_django import Settings

from predictions.models import Case
from predictions.services.images import ReceivedFile, Submission, submit_image
from predictions.services.storage import store


@pytest.fixture(autouse=True)
def portal(settings: Settings, tmp_path: Path) -> None:
    """Plain HTTP, files of this test's own, static files as they lie in the tree."""
    settings.SECURE_SSL_REDIRECT = False
    settings.STORAGE_ROOT = tmp_path / "files"
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise wants it.
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        }
    }


def browser_of(person: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def as_alice(alice: User) -> Client:
    return browser_of(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return browser_of(bob)


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    return browser_of(charlie)


@pytest.fixture
def as_dora(dora: User) -> Client:
    return browser_of(dora)


def png(*, side_px: int = 64, shade: int = 0) -> bytes:
    """A small picture; another shade, other bytes."""
    picture = Picture.new("RGB", (side_px, side_px), (200, 120, shade))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def submit(case: Case, alice: User) -> Callable[..., Submission]:
    """Submit a real picture as alice, through the service."""

    def submit(name: str = "field.png", *, shade: int = 0) -> Submission:
        part = store().begin()
        part.write(png(shade=shade))
        return submit_image(
            case=case,
            uploaded_by=alice,
            received=ReceivedFile(name, part),
            spacing_um=None,
        )

    return submit
