"""The installation's keeper at the admin."""

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from predictions.models import Laboratory, Role
from tests.predictions.records import make_person


@pytest.fixture(autouse=True)
def installation(settings: Settings) -> None:
    """No redirect to HTTPS, which this client does not speak; no collected files."""
    settings.SECURE_SSL_REDIRECT = False
    settings.STATIC_ROOT.mkdir(exist_ok=True)  # WhiteNoise warns where it misses it.
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        }
    }


def sign_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def make_staff(name: str, laboratory: Laboratory, role: Role) -> User:
    person = make_person(name, laboratory, role)
    person.is_staff = True
    person.save()
    return person


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


@pytest.fixture
def as_root(root: User) -> Client:
    return sign_in(root)


@pytest.fixture
def staff(laboratory: Laboratory) -> User:
    """A pathologist of the laboratory who may come to the admin; nothing is ticked."""
    return make_staff("sue", laboratory, Role.PATHOLOGIST)


@pytest.fixture
def as_staff(staff: User) -> Client:
    return sign_in(staff)
