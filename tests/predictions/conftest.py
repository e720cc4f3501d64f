"""The cast: alice owns, bob shares her laboratory, charlie must see nothing."""

import pytest
from django.contrib.auth.models import User

from predictions.models import Case, Image, Laboratory, Role
from predictions.services.cases import open_case
from predictions.services.laboratories import create_laboratory
from tests.predictions.records import make_image, make_person


@pytest.fixture
def laboratory(db: None) -> Laboratory:
    return create_laboratory(name="North", default_spacing_um=0.5)


@pytest.fixture
def elsewhere(db: None) -> Laboratory:
    """The laboratory that alice and bob do not belong to."""
    return create_laboratory(name="South")


@pytest.fixture
def alice(laboratory: Laboratory) -> User:
    return make_person("alice", laboratory, Role.TECHNICIAN)


@pytest.fixture
def bob(laboratory: Laboratory) -> User:
    return make_person("bob", laboratory, Role.PATHOLOGIST)


@pytest.fixture
def charlie(elsewhere: Laboratory) -> User:
    return make_person("charlie", elsewhere, Role.PATHOLOGIST)


@pytest.fixture
def dora(laboratory: Laboratory) -> User:
    """Administers the laboratory, and does not work on its cases."""
    return make_person("dora", laboratory, Role.ADMINISTRATOR)


@pytest.fixture
def case(alice: User, laboratory: Laboratory) -> Case:
    return open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0001",
        patient_code="P-0001",
    )


@pytest.fixture
def image(case: Case, alice: User) -> Image:
    """An image without files."""
    return make_image(case, alice)
