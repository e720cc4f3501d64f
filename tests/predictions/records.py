"""Rows for tests, as the services would have left them, without any file behind."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from predictions.models import (
    Analysis,
    Case,
    Fetch,
    Image,
    JobStatus,
    Laboratory,
    ModelVersion,
    Outcome,
    Prediction,
    Review,
    Role,
    Verdict,
)
from predictions.services.case_status import restate, restating
from predictions.services.laboratories import add_member

MODEL = "breast-mil"


def make_person(name: str, laboratory: Laboratory, role: Role) -> User:
    """A member of a laboratory, signed in by force: no password to hash."""
    person = User.objects.create_user(name)
    add_member(laboratory=laboratory, user=person, role=role)
    return person


def make_image(case: Case, uploaded_by: User, **facts: Any) -> Image:
    """An image of a case; its files are names only."""
    specimen, _ = case.specimens.get_or_create(label="A")
    received = hashlib.sha256(uuid.uuid4().bytes).hexdigest()
    image = Image.objects.create(
        **{
            "case": case,
            "specimen": specimen,
            "filename": "field.png",
            "format": Image.Format.PNG,
            "size_bytes": 1000,
            "sha256_received": received,
            "sha256_stored": received,
            "width_px": 896,
            "height_px": 768,
            "mode": "RGB",
            "spacing_um": 0.5,
            "stored_file": uuid.uuid4(),
            "display_file": uuid.uuid4(),
            "thumbnail_file": uuid.uuid4(),
            "uploaded_by": uploaded_by,
            **facts,
        }
    )
    restate(Case.objects.filter(pk=case.pk))
    return image


@transaction.atomic
def withdraw(image: Image) -> None:
    """As if it lay in the wrong case."""
    with restating(image.case):
        Image.objects.withdraw(
            image, reason="Wrong case.", withdrawn_by=image.uploaded_by
        )


def purge_without_files(image: Image) -> None:
    """As if its files had been removed after the retention period."""
    Image.objects.purge(image)
    image.refresh_from_db()


def make_analysis(image: Image, **facts: Any) -> Analysis:
    """A question about an image, waiting."""
    analysis = Analysis.objects.create(
        **{
            "image": image,
            "model_name": MODEL,
            "asked_by": image.uploaded_by,
            **facts,
        }
    )
    restate(Case.objects.filter(pk=image.case_id))
    return analysis


def make_failed(image: Image, reason: str = "The model server is away.") -> Analysis:
    """A question that nobody could answer."""
    return make_analysis(
        image,
        status=JobStatus.FAILED,
        failure_reason=reason,
        finished_at=timezone.now(),
    )


def make_running(image: Image) -> Analysis:
    """A question that a worker holds."""
    return make_analysis(
        image,
        status=JobStatus.RUNNING,
        attempt=1,
        token=uuid.uuid4(),
        started_at=timezone.now(),
        lease_until=timezone.now() + timedelta(seconds=30),
    )


def make_model_version(name: str = MODEL, version: int = 1) -> ModelVersion:
    """A registered model version."""
    made, _ = ModelVersion.objects.get_or_create(
        name=name,
        version=version,
        defaults={"sha256": "ab" * 32, "contract": {"schema": 1, "name": name}},
    )
    return made


def prediction_facts(image: Image, **facts: Any) -> Mapping[str, Any]:
    """The columns of an answer, but for its analysis."""
    return {
        "model_version": make_model_version(),
        "outcome": Outcome.MALIGNANT,
        "probability": 0.93,
        "tissue": 0.99,
        "spacing_um": 0.5,
        "input_sha256": image.sha256_stored,
        "tiles": [{"left": 0, "top": 0, "side": 256, "attention": 1.0}],
        "seconds": {"embed": 0.2},
        **facts,
    }


@transaction.atomic
def make_prediction(image: Image, **facts: Any) -> Prediction:
    """An answered question, and its answer."""
    analysis = make_analysis(
        image,
        status=JobStatus.SUCCEEDED,
        attempt=1,
        token=uuid.uuid4(),
        started_at=timezone.now(),
        finished_at=timezone.now(),
    )
    prediction = Prediction.objects.create(
        analysis=analysis, **prediction_facts(image, **facts)
    )
    restate(Case.objects.filter(pk=image.case_id))
    return prediction


@transaction.atomic
def make_review(prediction: Prediction, reader: User, **facts: Any) -> Review:
    """A reading that agrees."""
    with restating(prediction.analysis.image.case):
        return Review.objects.create(
            **{
                "prediction": prediction,
                "reader": reader,
                "agrees": True,
                "verdict": Verdict.MALIGNANT,
                **facts,
            }
        )


def make_fetch(case: Case, asked_by: User, **facts: Any) -> Fetch:
    """An image to be fetched, waiting."""
    return Fetch.objects.create(
        **{
            "case": case,
            "asked_by": asked_by,
            "url": "https://images.example/field.png",
            **facts,
        }
    )
