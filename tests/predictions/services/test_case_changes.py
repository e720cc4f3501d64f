"""Changing a case: audited without its names, followed by the queue, undone."""

import pytest
from django.contrib.auth.models import User

from predictions.models import (
    Analysis,
    AuditEvent,
    Case,
    Consent,
    Laboratory,
    Membership,
    Patient,
    Priority,
    Role,
)
from predictions.services.cases import (
    AssigneeRefusedError,
    DuplicateCaseError,
    change_case,
    change_cases,
    open_case,
    undo_changes,
)
from predictions.services.errors import NotAllowedError
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_image,
    make_person,
    make_running,
)


@pytest.fixture
def second(alice: User, laboratory: Laboratory) -> Case:
    return open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0002",
        patient_code="P-0002",
    )


def events() -> list[AuditEvent]:
    changes = AuditEvent.objects.filter(action__in=["case.change", "case.assign"])
    return list(changes.order_by("sequence"))


def test_only_what_is_named_changes(case: Case, alice: User, bob: User) -> None:
    changed = change_case(case=case, changed_by=alice, assignee=bob)
    assert changed.assignee == bob
    changed = change_case(case=case, changed_by=alice, training_consent=Consent.GIVEN)
    assert (changed.assignee, changed.training_consent) == (bob, Consent.GIVEN)
    assert changed.accession_number == "S26-0001"
    assert changed.patient.code == "P-0001"
    changed = change_case(case=case, changed_by=alice, assignee=None)
    assert changed.assignee is None


def test_trail_tells_before_and_after(case: Case, alice: User, bob: User) -> None:
    change_case(case=case, changed_by=alice, assignee=bob)
    change_case(
        case=case,
        changed_by=bob,
        priority=Priority.URGENT,
        training_consent=Consent.REFUSED,
    )
    assigned, changed = events()
    assert (assigned.action, assigned.actor_id) == ("case.assign", alice.pk)
    assert assigned.subject == f"case:{case.pk}"
    assert assigned.detail == {
        "changed": ["assignee"],
        "before": {"assignee_id": None},
        "after": {"assignee_id": bob.pk},
    }
    assert (changed.action, changed.actor_id) == ("case.change", bob.pk)
    assert changed.detail["before"] == {"priority": 10, "training_consent": "unknown"}
    assert changed.detail["after"] == {"priority": 0, "training_consent": "refused"}


def test_trail_repeats_no_number_and_no_code(case: Case, alice: User) -> None:
    changed = change_case(
        case=case, changed_by=alice, accession_number="S26-9999", patient_code="P-9"
    )
    assert (changed.accession_number, changed.patient.code) == ("S26-9999", "P-9")
    (event,) = events()
    assert event.detail == {
        "changed": ["accession_number", "patient_code"],
        "before": {},
        "after": {},
    }


def test_what_is_so_already_leaves_no_trace(case: Case, alice: User) -> None:
    change_case(
        case=case,
        changed_by=alice,
        accession_number="S26-0001",
        patient_code="P-0001",
        priority=Priority.ROUTINE,
        assignee=None,
    )
    assert events() == []
    assert Patient.objects.count() == 1


def test_accession_number_of_another_case_is_refused_whole(
    case: Case, second: Case, alice: User
) -> None:
    with pytest.raises(DuplicateCaseError) as refused:
        change_case(
            case=second,
            changed_by=alice,
            priority=Priority.URGENT,
            accession_number="S26-0001",
        )
    assert refused.value.case == case
    second.refresh_from_db()
    assert second.priority == Priority.ROUTINE
    assert events() == []


@pytest.mark.parametrize("name", ["dora", "charlie"])
def test_case_is_given_to_who_works_there_only(
    case: Case, alice: User, name: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(AssigneeRefusedError, match=f"{name} does not work on"):
        change_case(case=case, changed_by=alice, assignee=request.getfixturevalue(name))


@pytest.mark.parametrize("how", ["membership", "account"])
def test_case_is_not_given_to_who_was_disabled(
    case: Case, alice: User, bob: User, how: str
) -> None:
    if how == "account":
        User.objects.filter(pk=bob.pk).update(is_active=False)
    else:
        Membership.objects.filter(user=bob).update(is_active=False)
    with pytest.raises(AssigneeRefusedError):
        change_case(case=case, changed_by=alice, assignee=bob)


def test_somebody_disabled_may_keep_a_case_while_another_fact_changes(
    case: Case, alice: User, bob: User
) -> None:
    change_case(case=case, changed_by=alice, assignee=bob)
    Membership.objects.filter(user=bob).update(is_active=False)
    changed = change_case(case=case, changed_by=alice, priority=Priority.URGENT)
    assert (changed.assignee, changed.priority) == (bob, Priority.URGENT)


@pytest.mark.parametrize("name", ["dora", "charlie"])
def test_only_who_works_there_may_change_a_case(
    case: Case, name: str, request: pytest.FixtureRequest
) -> None:
    with pytest.raises(NotAllowedError):
        change_case(case=case, changed_by=request.getfixturevalue(name), priority=0)
    case.refresh_from_db()
    assert case.priority == Priority.ROUTINE


def test_waiting_and_running_analyses_take_the_new_priority(
    case: Case, alice: User
) -> None:
    waiting = make_analysis(make_image(case, alice))
    running = make_running(make_image(case, alice))
    ended = make_failed(make_image(case, alice))
    change_case(case=case, changed_by=alice, priority=Priority.URGENT)
    priorities = dict(Analysis.objects.values_list("pk", "priority"))
    assert priorities == {waiting.pk: 0, running.pk: 0, ended.pk: 10}


def test_several_cases_change_together_or_not_at_all(
    case: Case, second: Case, alice: User, bob: User, elsewhere: Laboratory
) -> None:
    assert len(change_cases(cases=[case, second], changed_by=bob, assignee=bob)) == 2
    assert set(Case.objects.values_list("assignee", flat=True)) == {bob.pk}
    foreign = open_case(
        laboratory=elsewhere,
        opened_by=make_person("erin", elsewhere, Role.TECHNICIAN),
        accession_number="S26-0003",
        patient_code="P-3",
    )
    with pytest.raises(NotAllowedError):
        change_cases(cases=[case, foreign], changed_by=bob, priority=Priority.URGENT)
    assert not Case.objects.filter(priority=Priority.URGENT).exists()


def test_change_is_undone_and_that_is_on_record_too(
    case: Case, second: Case, alice: User, bob: User
) -> None:
    change_case(case=second, changed_by=bob, assignee=alice)
    made = change_cases(
        cases=[case, second], changed_by=bob, assignee=bob, priority=Priority.URGENT
    )
    assert undo_changes(events=made, undone_by=bob) == 2
    rows = Case.objects.order_by("accession_number")
    assert [(row.assignee, row.priority) for row in rows] == [(None, 10), (alice, 10)]
    assert len(events()) == 5


def test_undo_leaves_alone_what_changed_since(
    case: Case, second: Case, alice: User, bob: User
) -> None:
    made = change_cases(cases=[case, second], changed_by=bob, assignee=bob)
    change_case(case=case, changed_by=alice, assignee=alice)
    assert undo_changes(events=made, undone_by=bob) == 1
    case.refresh_from_db()
    second.refresh_from_db()
    assert (case.assignee, second.assignee) == (alice, None)


def test_undo_gives_no_case_to_who_was_disabled(
    case: Case, alice: User, bob: User
) -> None:
    change_case(case=case, changed_by=alice, assignee=bob)
    made = change_cases(cases=[case], changed_by=alice, assignee=alice)
    Membership.objects.filter(user=bob).update(is_active=False)
    assert undo_changes(events=made, undone_by=alice) == 0


def test_undo_is_for_ones_own_changes_and_for_nothing_else(
    case: Case, alice: User, bob: User
) -> None:
    made = change_cases(cases=[case], changed_by=bob, assignee=bob)
    others = list(AuditEvent.objects.filter(action="case.open"))
    assert undo_changes(events=made, undone_by=alice) == 0
    assert undo_changes(events=others, undone_by=alice) == 0


def test_undo_restores_no_name_that_the_trail_does_not_tell(
    case: Case, alice: User
) -> None:
    made = change_cases(
        cases=[case], changed_by=alice, patient_code="P-9", priority=Priority.URGENT
    )
    assert undo_changes(events=made, undone_by=alice) == 0
    case.refresh_from_db()
    assert case.priority == Priority.URGENT
