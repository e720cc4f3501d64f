"""Cases and the people who may open them."""

import pytest
from django.contrib.auth.models import User

from predictions.models import AuditEvent, Case, Laboratory, Membership, Patient, Role
from predictions.services.cases import DuplicateCaseError, open_case
from predictions.services.errors import NotAllowedError
from predictions.services.laboratories import add_member, create_laboratory


def open_at(laboratory: Laboratory, opened_by: User, number: str = "S26-0001") -> Case:
    return open_case(
        laboratory=laboratory,
        opened_by=opened_by,
        accession_number=number,
        patient_code="P-0001",
    )


def test_a_case_is_opened_with_its_patient(laboratory: Laboratory, alice: User) -> None:
    one, two = open_at(laboratory, alice), open_at(laboratory, alice, "S26-0002")

    assert one.patient == two.patient == Patient.objects.get()
    assert one.created_by == alice
    events = AuditEvent.objects.filter(action="case.open").order_by("sequence")
    assert [e.subject for e in events] == [f"case:{one.pk}", f"case:{two.pk}"]


def test_an_accession_number_is_given_once(laboratory: Laboratory, alice: User) -> None:
    first = open_at(laboratory, alice)
    with pytest.raises(DuplicateCaseError) as refused:
        open_at(laboratory, alice)
    assert refused.value.case == first
    assert refused.value.more == {"case": str(first.pk)}
    assert AuditEvent.objects.filter(action="case.open").count() == 1


def test_laboratories_number_and_code_for_themselves(
    laboratory: Laboratory, elsewhere: Laboratory, alice: User, charlie: User
) -> None:
    assert open_at(laboratory, alice).patient != open_at(elsewhere, charlie).patient


@pytest.mark.parametrize("name", ["charlie", "dora"])
def test_only_who_works_there_may_open_a_case(
    laboratory: Laboratory, name: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(NotAllowedError, match="technician or a pathologist of North"):
        open_at(laboratory, request.getfixturevalue(name))
    assert not Case.objects.exists()


def test_a_person_has_one_role_in_a_laboratory(
    laboratory: Laboratory, alice: User, dora: User
) -> None:
    add_member(
        laboratory=laboratory, user=alice, role=Role.ADMINISTRATOR, added_by=dora
    )
    assert Membership.objects.get(user=alice).role == Role.ADMINISTRATOR
    last = AuditEvent.objects.chain(laboratory).last()
    assert last is not None
    assert (last.action, last.actor_id) == ("membership.set", dora.pk)
    with pytest.raises(NotAllowedError):
        open_at(laboratory, alice)


def test_a_laboratory_begins_its_own_chain(db: None) -> None:
    one, two = create_laboratory(name="One"), create_laboratory(name="Two")
    for laboratory in (one, two):
        (event,) = AuditEvent.objects.chain(laboratory)
        assert (event.sequence, event.action) == (1, "laboratory.create")
