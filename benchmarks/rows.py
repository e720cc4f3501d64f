"""Rows that are written together, straight into the tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.contrib.auth.models import User
from django.db import models, transaction

from predictions.models import (
    Analysis,
    Case,
    Image,
    Laboratory,
    Message,
    Patient,
    Prediction,
    Review,
    Specimen,
)
from predictions.services.audit import Entry, record_events
from predictions.services.case_status import restate


@dataclass
class Rows:
    """What is written together, each kind after those that it points at."""

    patients: list[Patient] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    specimens: list[Specimen] = field(default_factory=list)
    images: list[Image] = field(default_factory=list)
    analyses: list[Analysis] = field(default_factory=list)
    predictions: list[Prediction] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    events: list[Entry] = field(default_factory=list)

    @transaction.atomic
    def write(self, *, laboratory: Laboratory, actor: User) -> None:
        Patient.objects.bulk_create(self.patients)
        Case.objects.bulk_create(self.cases)
        Specimen.objects.bulk_create(self.specimens)
        Image.objects.bulk_create(self.images)
        Analysis.objects.bulk_create(self.analyses)
        Prediction.objects.bulk_create(self.predictions, batch_size=200)
        Review.objects.bulk_create(self.reviews)
        Message.objects.bulk_create(self.messages)
        restate(Case.objects.filter(pk__in=[case.pk for case in self.cases]))
        record_events(laboratory=laboratory, actor=actor, entries=self.events)


@contextmanager
def stated_times(*kinds: type[models.Model]) -> Iterator[None]:
    """Let these rows say themselves when they were made."""
    fields = [
        each
        for kind in kinds
        for each in kind._meta.get_fields()  # noqa: SLF001 (Django's documented API)
        if isinstance(each, models.DateTimeField) and each.auto_now_add
    ]
    for each in fields:
        each.auto_now_add = False
    try:
        yield
    finally:
        for each in fields:
            each.auto_now_add = True
