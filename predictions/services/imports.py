"""A folder of images by a list: said first what would happen, then its cases opened.

The files themselves come one by one, as to any case.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

from django.contrib.auth.models import User
from django.db import transaction

from predictions.models import Case, Consent, Laboratory, Patient, Priority
from predictions.services.audit import Entry, record_events
from predictions.services.errors import ConflictError
from predictions.services.folders import Folder, file_key, wrong_ending
from predictions.services.laboratories import UPLOADERS, require_role
from predictions.services.manifests import ManifestRow

Stated = TypeVar("Stated", Priority, Consent)


class ImportChangedError(ConflictError):
    """A case was opened for another patient since the plan was made. Plan anew."""

    code = "import_changed"


class Action(StrEnum):
    """What would become of a row."""

    OPENS = "opens"  # Its case, and the file goes there.
    ADDS = "adds"  # The file to a case that is there, or that an earlier row opens.
    REFUSED = "refused"


@dataclass(frozen=True)
class PlannedRow:
    """A row, what would become of it, and why.

    found: the folder's own name of the file; empty if none was looked for.
    case: None as long as it is not open.
    """

    row: ManifestRow
    action: Action
    words: str
    found: str = ""
    case: Case | None = None


@dataclass(frozen=True)
class Plan:
    """What an import would do. Making it changed nothing.

    unnamed: pictures in the folder that no row names; they stay where they are.
    """

    laboratory: Laboratory
    rows: tuple[PlannedRow, ...]
    unnamed: tuple[str, ...] = ()

    def count(self, action: Action) -> int:
        return sum(planned.action == action for planned in self.rows)

    def accepted(self) -> list[PlannedRow]:
        return [row for row in self.rows if row.action != Action.REFUSED]


def plan_import(
    *,
    laboratory: Laboratory,
    asked_by: User,
    rows: Sequence[ManifestRow],
    filenames: Iterable[str] | None = None,
    sizes_bytes: Mapping[str, int] | None = None,
) -> Plan:
    """Say what would become of every row; nothing changes.

    filenames: of the folder, relative to it; None looks for no file.
    sizes_bytes: of those files, by the same names, where they are known.
    Raises NotAllowedError.
    """
    require_role(laboratory=laboratory, user=asked_by, roles=UPLOADERS)
    folder = None if filenames is None else Folder(filenames, sizes_bytes)
    existing = _existing(laboratory, rows)
    faults = _Faults(rows, existing)
    opened_in: dict[str, int] = {}  # Accession number -> the line that opens it.
    planned = []
    for row in rows:
        problems = [*row.problems, *wrong_ending(row.file), *faults.of(row)]
        problems += folder.problems_of(row.file) if folder else []
        found = folder.find(row.file) if folder else ""
        if problems:
            refused = PlannedRow(row, Action.REFUSED, " ".join(problems), found)
            planned.append(refused)
        else:
            planned.append(_planned(row, found, existing, opened_in))
    unnamed = folder.unnamed(row.file for row in rows) if folder else ()
    return Plan(laboratory, tuple(planned), unnamed)


@transaction.atomic
def open_import(*, plan: Plan, opened_by: User) -> Plan:
    """Open every case that the plan needs, or none; the plan, with its cases.

    Opening the same plan again opens nothing. Raises NotAllowedError,
    ImportChangedError.
    """
    laboratory = plan.laboratory
    require_role(laboratory=laboratory, user=opened_by, roles=UPLOADERS)
    needed = Case.objects.bulk_create(_needed(plan, opened_by), ignore_conflicts=True)
    cases = _existing(laboratory, [planned.row for planned in plan.accepted()])
    for planned in plan.accepted():
        _refuse_other_patient(planned.row, cases[planned.row.accession_number])
    made = {case.pk for case in needed}
    opened = [case for case in cases.values() if case.pk in made]
    counts: dict[str, object] = {
        "rows": len(plan.rows),
        "refused": plan.count(Action.REFUSED),
        "opened": len(opened),
    }
    record_events(
        laboratory=laboratory,
        actor=opened_by,
        entries=[
            *(Entry("case.open", f"case:{case.pk}") for case in opened),
            Entry("import.open", f"laboratory:{laboratory.pk}", counts),
        ],
    )
    return replace(plan, rows=tuple(_with_case(row, cases) for row in plan.rows))


class _Faults:
    """What rows do to each other, and to the cases that are there."""

    def __init__(
        self, rows: Sequence[ManifestRow], existing: Mapping[str, Case]
    ) -> None:
        self._existing = existing
        self._lines: dict[str, list[int]] = defaultdict(list)
        self._of_case: dict[str, list[ManifestRow]] = defaultdict(list)
        for row in rows:
            if row.file:
                self._lines[file_key(row.file)].append(row.line)
            if row.accession_number and row.patient_code:
                self._of_case[row.accession_number].append(row)

    def of(self, row: ManifestRow) -> list[str]:
        return [*self._named_twice(row), *self._of_the_case(row)]

    def _named_twice(self, row: ManifestRow) -> list[str]:
        lines = self._lines[file_key(row.file)] if row.file else []
        if len(lines) < 2:  # noqa: PLR2004 - Once is right.
            return []
        return [f"The file stands in the lines {_listed(lines)}. Keep one of them."]

    def _of_the_case(self, row: ManifestRow) -> list[str]:
        number = row.accession_number
        same = self._of_case[number]
        case = self._existing.get(number)
        if case and row.patient_code and case.patient.code != row.patient_code:
            whose = f"{number} is patient {case.patient.code}'s already."
            return [f"{whose} Check the accession number and the patient code."]
        if len({other.patient_code for other in same}) > 1:
            lines = _listed([other.line for other in same])
            return [f"{number} has two patients, in the lines {lines}. Keep one."]
        return [] if case else _two_answers(number, same)


def _two_answers(number: str, rows: Sequence[ManifestRow]) -> list[str]:
    """Say so if the rows of a new case state two priorities, or two consents."""
    stated: dict[str, set[object]] = {
        "priorities": {row.priority for row in rows},
        "consents": {row.training_consent for row in rows},
    }
    return [
        f"{number} has two {name} in this list. Keep one."
        for name, said in stated.items()
        if len(said - {None}) > 1
    ]


def _planned(
    row: ManifestRow,
    found: str,
    existing: Mapping[str, Case],
    opened_in: dict[str, int],
) -> PlannedRow:
    number = row.accession_number
    if case := existing.get(number):
        words = f"Adds to the case {number}.{_what_stays(row, case)}"
        return PlannedRow(row, Action.ADDS, words, found, case)
    if line := opened_in.get(number):
        words = f"Adds to the case {number}, which line {line} opens."
        return PlannedRow(row, Action.ADDS, words, found)
    opened_in[number] = row.line
    return PlannedRow(row, Action.OPENS, f"Opens the case {number}.", found)


def _what_stays(row: ManifestRow, case: Case) -> str:
    """An import changes no case that is there: say where the list would have it so."""
    stays = []
    if row.priority is not None and row.priority != case.priority:
        stays.append(f"priority stays {Priority(case.priority).label.lower()}")
    if row.training_consent not in {None, case.training_consent}:
        stays.append(f"consent stays {Consent(case.training_consent).label.lower()}")
    return f" Its {' and its '.join(stays)}: change that on the case." if stays else ""


def _existing(laboratory: Laboratory, rows: Iterable[ManifestRow]) -> dict[str, Case]:
    """The laboratory's own cases of these rows, by accession number."""
    numbers = {row.accession_number for row in rows if not row.problems}
    cases = Case.objects.filter(laboratory=laboratory, accession_number__in=numbers)
    return {case.accession_number: case for case in cases.select_related("patient")}


def _needed(plan: Plan, opened_by: User) -> list[Case]:
    """The cases to open, unsaved; their patients are there.

    In one order, so that of two imports at once one waits for the other.
    """
    of_case: dict[str, list[ManifestRow]] = defaultdict(list)
    for planned in plan.accepted():
        if planned.case is None:
            of_case[planned.row.accession_number].append(planned.row)
    patients = _patients(
        plan.laboratory, sorted({rows[0].patient_code for rows in of_case.values()})
    )
    return [
        Case(
            laboratory=plan.laboratory,
            patient=patients[rows[0].patient_code],
            accession_number=number,
            priority=_first((row.priority for row in rows), Priority.ROUTINE),
            training_consent=_first(
                (row.training_consent for row in rows), Consent.UNKNOWN
            ),
            created_by=opened_by,
        )
        for number, rows in sorted(of_case.items())
    ]


def _patients(laboratory: Laboratory, codes: Sequence[str]) -> dict[str, Patient]:
    Patient.objects.bulk_create(
        [Patient(laboratory=laboratory, code=code) for code in codes],
        ignore_conflicts=True,
    )
    there = Patient.objects.filter(laboratory=laboratory, code__in=codes)
    return {patient.code: patient for patient in there}


def _refuse_other_patient(row: ManifestRow, case: Case) -> None:
    if case.patient.code != row.patient_code:
        raise ImportChangedError(
            f"{row.accession_number} was opened for patient {case.patient.code} "
            "meanwhile. No case was opened. Check the list again."
        )


def _with_case(planned: PlannedRow, cases: Mapping[str, Case]) -> PlannedRow:
    if planned.action == Action.REFUSED:
        return planned
    return replace(planned, case=cases[planned.row.accession_number])


def _first(stated: Iterable[Stated | None], otherwise: Stated) -> Stated:
    return next((value for value in stated if value is not None), otherwise)


def _listed(lines: Sequence[int]) -> str:
    *most, last = (str(line) for line in lines[:10])
    return f"{', '.join(most)} and {last}"
