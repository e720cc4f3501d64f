"""One rig, and a hundred and twenty accepted images, for all the faults."""

from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from pytest_django import DjangoDbBlocker

from predictions.models import Analysis, Role
from predictions.services.cases import open_case
from predictions.services.laboratories import add_member, create_laboratory
from predictions.services.model_versions import register_model
from tests.faults.clinic import Clinic
from tests.faults.rig import Rig, django_at, judge
from tests.faults.rounds import Round, Row, write_table

IMAGES = 120


@pytest.fixture(scope="session")
def rig(django_db_blocker: DjangoDbBlocker) -> Iterator[Rig]:
    rig = Rig()
    with django_db_blocker.unblock(), django_at(rig):
        try:
            rig.start()
            yield rig
        finally:
            rig.stop()


@pytest.fixture(scope="session")
def clinic(rig: Rig) -> Clinic:
    """A hundred and twenty images, accepted and answered once, without a fault."""
    register_model(folder=rig.model_folder)
    laboratory = create_laboratory(name="North")
    technician = User.objects.create_user("technician")
    add_member(laboratory=laboratory, user=technician, role=Role.TECHNICIAN)
    case = open_case(
        laboratory=laboratory,
        opened_by=technician,
        accession_number="S26-0001",
        patient_code="P-0001",
    )
    clinic = Clinic(case, technician, [])
    for seed in range(IMAGES):
        clinic.images.append(clinic.upload(seed).image)
        rig.tend()
    first = list(Analysis.objects.values_list("pk", flat=True))
    rig.settle(first)
    verdict = judge(first)
    assert (verdict.lost, verdict.doubled, verdict.failed) == (0, 0, 0)
    assert verdict.repeated == 0, "without a fault, a doubled message repeats nothing"
    return clinic


@pytest.fixture(scope="session")
def table() -> Iterator[list[Row]]:
    """A row per fault, for the documentation."""
    rows: list[Row] = []
    yield rows
    write_table(rows)


@pytest.fixture
def begin(
    rig: Rig, clinic: Clinic, table: list[Row]
) -> Iterator[Callable[[str], Round]]:
    """Begin a round under a name; nothing of an earlier one is left."""

    def begin_round(fault: str) -> Round:
        row = Row(fault)
        table.append(row)
        begun = Round(rig, clinic, row)
        begun.ask()
        return begun

    rig.wake()
    rig.settle(list(Analysis.objects.values_list("pk", flat=True)))
    yield begin_round
    rig.wake()
