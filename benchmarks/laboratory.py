"""A year of a laboratory, as rows: written straight into the tables, for speed.

Django must be set up. What the services would refuse is not made, except that the
images have no files. The same number of cases is always the same mixture.
"""

import hashlib
import json
import random
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from benchmarks.rows import Rows, stated_times
from predictions.models import (
    Analysis,
    Case,
    Consent,
    Image,
    JobStatus,
    Laboratory,
    Message,
    ModelVersion,
    Outcome,
    Patient,
    Prediction,
    Priority,
    Review,
    Role,
    Specimen,
    Verdict,
)
from predictions.services.audit import Entry
from predictions.services.laboratories import add_member, create_laboratory
from predictions.services.people import invite
from serving.tiling import lay_out
from training.bundle_files import read_contract

CASES_AT_ONCE = 500  # A transaction each: its deferred checks are kept in memory.
IMAGES_PER_CASE = 3
PERIOD = timedelta(days=365)
SIZE_PX = (896, 768)
SPACING_UM = 0.25
NEWEST = 0.01  # Of the cases: still being analysed.
UNREAD = 0.05  # Of the cases, the newest: nobody has read them yet.
OUTCOMES = [
    *[Outcome.BENIGN] * 10,
    *[Outcome.MALIGNANT] * 7,
    *[Outcome.REFER] * 2,
    Outcome.REFUSED,
]
WORDS = (
    "Please compare with the core biopsy of last week.",
    "Second block requested; the first one is crushed at the margin.",
    "Discussed with the surgeon. No change.",
)
CONTRACT = read_contract()


@dataclass(frozen=True)
class Seeded:
    """The laboratory, who works there, and the cases, the newest last."""

    laboratory: Laboratory
    technician: User
    pathologist: User
    administrator: User

    @property
    def people(self) -> tuple[User, User, User]:
        return self.technician, self.pathologist, self.administrator


def make_laboratory(*, cases: int) -> Seeded:
    """Found another laboratory and fill it."""
    tag = uuid.uuid4().hex[:6]
    laboratory = create_laboratory(name=f"Seeded {tag}")
    people = [User.objects.create_user(f"{role}-{tag}") for role in Role.values]
    for person, role in zip(people, Role, strict=True):
        add_member(laboratory=laboratory, user=person, role=role)
    seeded = Seeded(laboratory, *people)
    invite(
        laboratory=laboratory,
        role=Role.PATHOLOGIST,
        note="The new colleague",
        invited_by=seeded.administrator,
    )
    maker = _Maker(seeded, cases)
    with stated_times(Case, Image, Prediction, Review, Message):
        for first in range(0, cases, CASES_AT_ONCE):
            rows = maker.rows_of(range(first, min(first + CASES_AT_ONCE, cases)))
            rows.write(laboratory=laboratory, actor=seeded.technician)
    return seeded


class _Maker:
    """Makes the rows of one laboratory."""

    def __init__(self, seeded: Seeded, cases: int) -> None:
        self._seeded = seeded
        self._cases = cases
        self._now = timezone.now()
        self._random = random.Random(cases)  # noqa: S311 (rows, no secret)
        self._version, _ = ModelVersion.objects.get_or_create(
            name=CONTRACT.name,
            version=1,
            defaults={
                "sha256": "ab" * 32,
                "contract": json.loads(CONTRACT.to_json()),
            },
        )
        width_px, height_px = SIZE_PX
        layout = lay_out(
            width_px=width_px,
            height_px=height_px,
            spacing_um=SPACING_UM,
            contract=CONTRACT,
        )
        weight = round(1 / len(layout.boxes), 6)
        self._tiles = [
            {"left": left, "top": top, "side": side, "attention": weight}
            for left, top, side in layout.boxes
        ]

    def rows_of(self, numbers: Iterable[int]) -> Rows:
        rows = Rows()
        for number in numbers:
            self._add_case(rows, number)
        return rows

    def _add_case(self, rows: Rows, number: int) -> None:
        seeded, chance = self._seeded, self._random
        age = 1 - (number + 1) / self._cases  # 1: the oldest; 0: the newest.
        opened = self._now - PERIOD * age - timedelta(minutes=20)
        if not rows.patients or chance.random() < 0.7:  # Some come again.
            patient = Patient(laboratory=seeded.laboratory, code=f"P-{number:06}")
            rows.patients.append(patient)
        case = Case(
            laboratory=seeded.laboratory,
            patient=rows.patients[-1],
            accession_number=f"S26-{number:06}",
            priority=Priority.URGENT if chance.random() < 0.1 else Priority.ROUTINE,
            training_consent=chance.choice(Consent.values),
            assignee=seeded.pathologist if chance.random() < 0.3 else None,
            created_by=seeded.technician,
            created_at=opened,
        )
        rows.cases.append(case)
        rows.events.append(Entry("case.open", f"case:{case.pk}"))
        specimen = Specimen(case=case)
        rows.specimens.append(specimen)
        for minute in range(IMAGES_PER_CASE):
            at = opened + timedelta(minutes=minute + 1)
            self._add_image(rows, specimen, age, at)
        if chance.random() < 0.3:
            rows.messages.append(
                Message(
                    case=case,
                    author=chance.choice(seeded.people),
                    text=chance.choice(WORDS),
                    created_at=opened + timedelta(minutes=15),
                )
            )

    def _add_image(
        self, rows: Rows, specimen: Specimen, age: float, at: datetime
    ) -> None:
        image = self._image(specimen, at)
        rows.images.append(image)
        draw = self._random.random()
        if age < NEWEST:
            rows.analyses.append(self._analysis(image, at, status=JobStatus.ACCEPTED))
        elif draw < 0.03:
            rows.analyses.append(
                self._analysis(
                    image,
                    at,
                    status=JobStatus.FAILED,
                    failure_reason="The model server was away for a day. Ask again.",
                    finished_at=at + timedelta(seconds=2),
                )
            )
        else:
            self._add_answer(rows, image, age, at)

    def _add_answer(self, rows: Rows, image: Image, age: float, at: datetime) -> None:
        done = at + timedelta(seconds=2)
        analysis = self._analysis(
            image, at, status=JobStatus.SUCCEEDED, attempt=1, finished_at=done
        )
        rows.analyses.append(analysis)
        prediction = self._prediction(analysis, done)
        rows.predictions.append(prediction)
        rows.events.append(
            Entry(
                "analysis.answer",
                f"analysis:{analysis.pk}",
                {"image": str(image.pk), "outcome": prediction.outcome},
            )
        )
        if age > UNREAD and self._random.random() < 0.9:
            rows.reviews.append(self._review(prediction, done))

    def _image(self, specimen: Specimen, at: datetime) -> Image:
        sha256 = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
        width_px, height_px = SIZE_PX
        return Image(
            case=specimen.case,
            specimen=specimen,
            filename="field.png",
            format=Image.Format.PNG,
            size_bytes=1_200_000,
            sha256_received=sha256,
            sha256_stored=sha256,
            width_px=width_px,
            height_px=height_px,
            mode="RGB",
            spacing_um=SPACING_UM,
            stored_file=uuid.uuid4(),
            display_file=uuid.uuid4(),
            thumbnail_file=uuid.uuid4(),
            uploaded_by=self._seeded.technician,
            uploaded_at=at,
        )

    def _analysis(self, image: Image, at: datetime, **facts: Any) -> Analysis:
        return Analysis(
            image=image,
            model_name=CONTRACT.name,
            asked_by=self._seeded.technician,
            created_at=at,
            next_at=at,
            **facts,
        )

    def _prediction(self, analysis: Analysis, at: datetime) -> Prediction:
        outcome = self._random.choice(OUTCOMES)
        facts: dict[str, Any] = {
            "refusal_reason": "This does not look like H&E-stained tissue."
        }
        if outcome != Outcome.REFUSED:
            probability = self._random.random()
            facts = {
                "probability": probability,
                "interval_low": probability * 0.9,
                "interval_high": min(1.0, probability * 1.1),
                "tiles": self._tiles,
                "heatmap_file": uuid.uuid4(),
            }
        return Prediction(
            analysis=analysis,
            model_version=self._version,
            outcome=outcome,
            tissue=0.97,
            spacing_um=SPACING_UM,
            input_sha256=analysis.image.sha256_stored,
            seconds={"decode": 0.1, "embed": 0.4, "aggregate": 0.01, "draw": 0.02},
            created_at=at,
            **facts,
        )

    def _review(self, prediction: Prediction, at: datetime) -> Review:
        """Agreed with, where the model said something that one can agree with."""
        is_verdict = prediction.outcome in Verdict.values
        return Review(
            prediction=prediction,
            reader=self._seeded.pathologist,
            agrees=True if is_verdict else None,
            verdict=prediction.outcome if is_verdict else Verdict.BENIGN,
            comment="",
            created_at=at + timedelta(hours=3),
        )
