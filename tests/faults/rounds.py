"""One fault: asked before, broken in the middle, judged afterwards."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from pathlib import Path
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from predictions.models import Analysis
from tests.faults.clinic import Clinic
from tests.faults.rig import (
    SLOTS,
    Held,
    Rig,
    assert_record_is_whole,
    in_flight,
    judge,
    orphans,
)

TAKEN_UP_WITHIN_S = 45
MANY = 100
TABLE = "FAULT_TABLE"  # The file that `make faults` has the table written to.


@dataclass
class Row:
    """What one fault did, and did not do."""

    fault: str
    in_flight: int = 0
    at_work: int = 0
    repeated: int = 0
    late_writes_refused: int = 0
    taken_up_s: float = 0.0
    lost: int = 0
    doubled: int = 0
    unfinished: int = 0


@dataclass
class Round:
    """A hundred and twenty questions, and what was broken while they were open."""

    rig: Rig
    clinic: Clinic
    row: Row
    asked: list[UUID] = field(default_factory=list)
    held: Sequence[Held] = ()
    broken_at: datetime | None = None
    refused_before: int = 0
    orphans_before: int = 0

    def ask(self) -> None:
        """Ask about all; nothing begins before all are asked."""
        self.refused_before = self._refusals()
        self.orphans_before = orphans()
        with self.rig.frozen([self.rig.process("dispatcher")]):
            self.asked = self.clinic.ask_about_all()

    def broken(self, held: Sequence[Held]) -> None:
        """Note what was under way at the moment of the fault."""
        self.held = held
        self.row.at_work = len(held)
        self.row.in_flight = in_flight()
        assert held, "the fault hit nobody"
        assert self.row.in_flight >= MANY
        self.broken_at = timezone.now()

    def assert_recovered(self) -> None:
        """All answered, each once, soon."""
        self.rig.settle(self.asked)
        verdict = judge(self.asked)
        self.row.repeated = verdict.repeated
        self.row.late_writes_refused = self._refusals() - self.refused_before
        self.row.lost, self.row.doubled, self.row.unfinished = (
            verdict.lost,
            verdict.doubled,
            verdict.unfinished,
        )
        self.row.taken_up_s = self._taken_up_s()
        assert (verdict.lost, verdict.doubled, verdict.unfinished) == (0, 0, 0)
        assert verdict.failed == 0
        assert self.row.taken_up_s < TAKEN_UP_WITHIN_S
        assert_record_is_whole()
        assert orphans() - self.orphans_before <= SLOTS

    def attempts(self) -> list[int]:
        """How often each that was at work has been tried."""
        return list(self._rows().values_list("attempt", flat=True))

    def _taken_up_s(self) -> float:
        """From the fault until the last that was hit was begun again.

        Where nothing that was at work had to be: until the next was begun.
        """
        after = {"started_at__gt": self.broken_at}
        again = self._rows().filter(**after).order_by("-started_at")
        rest = Analysis.objects.filter(pk__in=self.asked, **after)
        begun = again.first() or rest.order_by("started_at").first()
        assert begun is not None
        assert begun.started_at is not None
        assert self.broken_at is not None
        return round((begun.started_at - self.broken_at).total_seconds(), 1)

    def _rows(self) -> QuerySet[Analysis]:
        return Analysis.objects.filter(pk__in=[held.pk for held in self.held])

    def _refusals(self) -> int:
        logs = self.rig.supervisor.logs.glob("*.log")
        return sum(
            log.read_text(errors="replace").count("a late write was refused")
            for log in logs
        )


def write_table(rows: Sequence[Row]) -> None:
    """As Markdown, where FAULT_TABLE names a file."""
    if TABLE not in os.environ:
        return
    names = [column.name for column in fields(Row)]
    lines = [
        "# Faults",
        "",
        "Written by `make faults`: 120 questions a fault, every message doubled.",
        "",
        "| " + " | ".join(name.replace("_", " ") for name in names) + " |",
        "|" + "---|" * len(names),
        *(
            "| " + " | ".join(str(getattr(row, name)) for name in names) + " |"
            for row in rows
        ),
    ]
    Path(os.environ[TABLE]).write_text("\n".join(lines) + "\n")
