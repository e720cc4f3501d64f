"""Cases: opened under an accession number, corrected, given to somebody."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from predictions.models import (
    Analysis,
    AuditEvent,
    Case,
    Image,
    Laboratory,
    Membership,
    Patient,
    Priority,
)
from predictions.models.job import UNFINISHED
from predictions.services.audit import Entry, record_event, record_events
from predictions.services.errors import ConflictError, ServiceError
from predictions.services.laboratories import UPLOADERS, require_role

CHANGES = ("case.change", "case.assign")


class DuplicateCaseError(ConflictError):
    """The laboratory has a case of this accession number already."""

    code = "duplicate_case"

    def __init__(self, case: Case) -> None:
        super().__init__(
            f"There is a case {case.accession_number} already. Open that one, or "
            "check the accession number.",
            case=str(case.pk),
        )
        self.case = case


class AssigneeRefusedError(ServiceError):
    """Who was named does not work on this laboratory's cases."""

    status = 422
    code = "assignee_refused"
    title = "This person cannot be given the case"


class CaseChanges(TypedDict, total=False):
    """What may be changed of a case; what is not named stays as it is."""

    accession_number: str
    patient_code: str
    priority: int
    assignee: User | None
    training_consent: str


# Columns under the names that people, and the trail, know them by.
_NAMES = {"patient_id": "patient_code", "assignee_id": "assignee"}
# What the trail may repeat: of the others it says only that they changed.
_TOLD = ("priority", "training_consent", "assignee_id")
_Columns = dict[str, object]


@dataclass(frozen=True)
class _Change:
    """What was different about one case."""

    case: Case
    before: _Columns
    after: _Columns

    @property
    def action(self) -> str:
        return "case.assign" if list(self.after) == ["assignee_id"] else "case.change"

    @property
    def detail(self) -> dict[str, object]:
        return {
            "changed": sorted(_NAMES.get(name, name) for name in self.after),
            "before": {n: self.before[n] for n in _TOLD if n in self.before},
            "after": {n: self.after[n] for n in _TOLD if n in self.after},
        }


@transaction.atomic
def open_case(
    *,
    laboratory: Laboratory,
    opened_by: User,
    accession_number: str,
    patient_code: str,
    priority: int = Priority.ROUTINE,
) -> Case:
    """Open a case. Raises DuplicateCaseError, NotAllowedError."""
    require_role(laboratory=laboratory, user=opened_by, roles=UPLOADERS)
    patient, _ = Patient.objects.get_or_create(laboratory=laboratory, code=patient_code)
    case = Case(
        laboratory=laboratory,
        patient=patient,
        accession_number=accession_number,
        priority=priority,
        created_by=opened_by,
    )
    _save(case)
    record_event(
        laboratory=laboratory,
        actor=opened_by,
        action="case.open",
        subject=f"case:{case.pk}",
    )
    return case


@transaction.atomic
def change_case(*, case: Case, changed_by: User, **wanted: Unpack[CaseChanges]) -> Case:
    """Change what is named of a case, and nothing where it is so already.

    Analyses that still wait take its new priority. Returns the case as it is now.
    Raises NotAllowedError, DuplicateCaseError, AssigneeRefusedError.
    """
    change_cases(cases=[case], changed_by=changed_by, **wanted)
    return Case.objects.select_related(
        "laboratory", "patient", "assignee", "created_by"
    ).get(pk=case.pk)


@transaction.atomic
def change_cases(
    *, cases: Iterable[Case], changed_by: User, **wanted: Unpack[CaseChanges]
) -> list[AuditEvent]:
    """Change the same of several cases: all of them or, with an error, none.

    Returns one event for each that was not so already: see undo_changes.
    """
    locked = _lock(case.pk for case in cases)
    for laboratory in {case.laboratory for case in locked}:
        require_role(laboratory=laboratory, user=changed_by, roles=UPLOADERS)
        _check_assignee(laboratory, wanted.get("assignee"))
    changes = [_apply(case, _columns(case, wanted)) for case in locked]
    return _record(changes, changed_by)


@transaction.atomic
def undo_changes(*, events: Iterable[AuditEvent], undone_by: User) -> int:
    """Put back what these changes of one's own replaced; says for how many cases.

    Left alone is a case that somebody changed again since, whose former assignee does
    not work there any more, or of which the trail does not say what it was.
    """
    mine = {
        event.subject.removeprefix("case:"): event.detail
        for event in undoable(events)
        if event.actor_id == undone_by.pk
    }
    locked = _lock(mine)
    for laboratory in {case.laboratory for case in locked}:
        require_role(laboratory=laboratory, user=undone_by, roles=UPLOADERS)
    changes = [_apply(case, _way_back(case, mine[str(case.pk)])) for case in locked]
    return len(_record(changes, undone_by))


def undoable(events: Iterable[AuditEvent]) -> list[AuditEvent]:
    """The changes of which the trail says all that they replaced."""
    return [
        event
        for event in events
        if event.action in CHANGES
        and len(event.detail["before"]) == len(event.detail["changed"])
    ]


def assignees(laboratories: Iterable[Laboratory]) -> QuerySet[User]:
    """Who may be given a case of one of these laboratories."""
    working = Membership.objects.active().filter(
        laboratory__in=laboratories, role__in=UPLOADERS
    )
    return User.objects.filter(is_active=True, pk__in=working.values("user")).order_by(
        "username"
    )


def _check_assignee(laboratory: Laboratory, assignee: User | None) -> None:
    if assignee is None or assignees([laboratory]).filter(pk=assignee.pk).exists():
        return
    raise AssigneeRefusedError(
        f"{assignee.get_username()} does not work on the cases of {laboratory}. "
        "Choose one of its technicians or pathologists, or nobody."
    )


def _lock(case_ids: Iterable[object]) -> list[Case]:
    """In one order for everybody, so that nobody waits in a circle."""
    return list(
        Case.objects.filter(pk__in=list(case_ids))
        .select_related("laboratory", "patient")
        .select_for_update(of=("self",))
        .order_by("laboratory_id", "pk")
    )


def _columns(case: Case, wanted: CaseChanges) -> _Columns:
    columns: _Columns = {
        name: value
        for name, value in wanted.items()
        if name not in {"patient_code", "assignee"}
    }
    if "assignee" in wanted:
        assignee = wanted["assignee"]
        columns["assignee_id"] = assignee.pk if assignee else None
    if "patient_code" in wanted and wanted["patient_code"] != case.patient.code:
        patient, _ = Patient.objects.get_or_create(
            laboratory=case.laboratory, code=wanted["patient_code"]
        )
        columns["patient_id"] = patient.pk
    return columns


def _way_back(case: Case, detail: dict[str, Any]) -> _Columns:
    """What to restore; nothing where that is not ours to restore any more."""
    before, after = detail["before"], detail["after"]
    is_unchanged = all(getattr(case, name) == after[name] for name in after)
    former = before.get("assignee_id")
    is_here = former is None or assignees([case.laboratory]).filter(pk=former).exists()
    return before if is_unchanged and is_here else {}


def _apply(case: Case, columns: _Columns) -> _Change:
    """Save what differs from the locked case."""
    after = {n: value for n, value in columns.items() if getattr(case, n) != value}
    change = _Change(case, {name: getattr(case, name) for name in after}, after)
    for name, value in after.items():
        setattr(case, name, value)
    if after:
        _save(case)
    if "priority" in after:
        _hurry(case)
    return change


def _save(case: Case) -> None:
    try:
        with transaction.atomic():
            case.save()
    except IntegrityError as error:
        same = Case.objects.filter(
            laboratory=case.laboratory, accession_number=case.accession_number
        ).exclude(pk=case.pk)
        if existing := same.first():
            raise DuplicateCaseError(existing) from error
        raise


def _hurry(case: Case) -> None:
    """Let the dispatcher's order follow the case's priority.

    Images by subquery, not by join: then the database looks at the status once more
    under its lock, and leaves alone what ended meanwhile.
    """
    Analysis.objects.filter(
        image__in=Image.objects.filter(case=case), status__in=UNFINISHED
    ).update(priority=case.priority)


def _record(changes: list[_Change], changed_by: User) -> list[AuditEvent]:
    """Last in the transaction: see record_event."""
    entries: dict[Laboratory, list[Entry]] = {}
    for change in changes:
        if change.after:
            entry = Entry(change.action, f"case:{change.case.pk}", change.detail)
            entries.setdefault(change.case.laboratory, []).append(entry)
    return [
        event
        for laboratory, of_it in entries.items()
        for event in record_events(
            laboratory=laboratory, actor=changed_by, entries=of_it
        )
    ]
