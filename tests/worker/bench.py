"""A laboratory on committed data, and looking at what others do with it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from predictions.models import Analysis, Case, JobStatus, Laboratory, Role
from predictions.services.cases import open_case
from predictions.services.images import ReceivedFile, submit_image
from predictions.services.laboratories import create_laboratory
from predictions.services.storage import store
from tests.predictions.records import make_analysis, make_image, make_person


@dataclass(frozen=True)
class Bench:
    """A laboratory, who works there, and a case."""

    laboratory: Laboratory
    alice: User
    case: Case

    def ask(self, **facts: Any) -> Analysis:
        """A question about a new image, which has no files."""
        return make_analysis(make_image(self.case, self.alice), **facts)

    def upload(self, content: bytes, *, spacing_um: float | None = 0.5) -> Analysis:
        """A question about an image that was accepted as from a person."""
        part = store().begin()
        part.write(content)
        received = ReceivedFile("field.png", part)
        submission = submit_image(
            case=self.case,
            uploaded_by=self.alice,
            received=received,
            spacing_um=spacing_um,
        )
        return submission.analysis

    def run(self, **facts: Any) -> Analysis:
        """A question that a worker holds."""
        analysis = self.ask(**facts)
        held = Analysis.objects.claim(analysis.pk)
        assert held is not None
        return held


def make_bench(name: str) -> Bench:
    laboratory = create_laboratory(name=name)
    alice = make_person(f"alice of {name}", laboratory, Role.TECHNICIAN)
    case = open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0001",
        patient_code="P-0001",
    )
    return Bench(laboratory, alice, case)


def let_lapse(analysis: Analysis) -> None:
    """As if its worker had not beaten for a whole lease."""
    past = timezone.now() - timedelta(seconds=1)
    running = Analysis.objects.filter(pk=analysis.pk, status=JobStatus.RUNNING)
    assert running.update(lease_until=past, next_at=past)
