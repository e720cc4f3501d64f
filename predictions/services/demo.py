"""A laboratory to look around in, with people and an analysed case."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.contrib.auth.models import User
from django.db import transaction

from predictions.models import Laboratory, Role
from predictions.services.cases import open_case
from predictions.services.images import Submission, submit_image
from predictions.services.laboratories import add_member, create_laboratory
from predictions.services.local_files import receive_local

LABORATORY = "Demo laboratory"
ACCESSION_NUMBER = "DEMO-26-0001"
PEOPLE = {
    "technician": Role.TECHNICIAN,
    "pathologist": Role.PATHOLOGIST,
    "administrator": Role.ADMINISTRATOR,
}


@dataclass(frozen=True)
class Demo:
    """What was made: its laboratory, and who may sign in."""

    laboratory: Laboratory
    technician: User


@transaction.atomic
def make_demo(*, password: str) -> Demo:
    """The laboratory and its three people; what is there already is kept."""
    laboratory = Laboratory.objects.filter(name=LABORATORY).first()
    if laboratory is None:
        laboratory = create_laboratory(name=LABORATORY, default_spacing_um=0.25)
    people = {
        name: _person(laboratory, name=name, role=role, password=password)
        for name, role in PEOPLE.items()
    }
    return Demo(laboratory, people["technician"])


def _person(laboratory: Laboratory, *, name: str, role: Role, password: str) -> User:
    person = User.objects.filter(username=name).first()
    if person is None:
        # The administrator of a laptop's demo also looks after the installation.
        make = User.objects.create_user
        if role == Role.ADMINISTRATOR:
            make = User.objects.create_superuser
        person = make(name, password=password)
        add_member(laboratory=laboratory, user=person, role=role)
    return person


def upload_demo(
    *, demo: Demo, images: Sequence[Path], spacing_um: float
) -> list[Submission]:
    """A case with these images, asked about; none if the demo has a case already."""
    if demo.laboratory.cases.exists():
        return []
    case = open_case(
        laboratory=demo.laboratory,
        opened_by=demo.technician,
        accession_number=ACCESSION_NUMBER,
        patient_code="P-0001",
    )
    return [
        submit_image(
            case=case,
            uploaded_by=demo.technician,
            received=receive_local(path),
            spacing_um=spacing_um,
        )
        for path in images
    ]
