"""The answers that nobody has read yet, the uncertain ones first."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import (
    Case,
    Exists,
    F,
    FloatField,
    OuterRef,
    QuerySet,
    Value,
    When,
)
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Greatest

from predictions.models.analysis import Analysis
from predictions.models.job import UNFINISHED
from predictions.models.laboratory import Membership
from predictions.models.prediction import Outcome, Prediction, PredictionQuerySet
from predictions.models.visibility import LaboratoryScopedQuerySet

if TYPE_CHECKING:
    from django.contrib.auth.models import User

# A model without a refer band is least sure in the middle.
MIDDLE = 0.5


class ReviewQueueQuerySet(LaboratoryScopedQuerySet["ReviewQueue"]):
    laboratory_path = PredictionQuerySet.laboratory_path

    def seen_by(self, user: "User") -> "QuerySet[ReviewQueue]":
        """With `is_mine`: whether the person belongs to the laboratory."""
        mine = Membership.objects.of(user).filter(
            laboratory=OuterRef("unread_of__case__laboratory")
        )
        return self.annotate(is_mine=Exists(mine))


class ReviewQueueManager(models.Manager["ReviewQueue"]):
    """Nothing but what waits, with what it is sorted by."""

    def get_queryset(self) -> "QuerySet[ReviewQueue]":
        answers = ReviewQueueQuerySet(self.model, using=self._db)
        same_image = Analysis.objects.filter(image=OuterRef("unread_of"))
        return answers.filter(unread_of__unread_answer__isnull=False).annotate(
            urgency=_URGENCY,
            distance=_DISTANCE,
            since=F("created_at"),
            is_asked_again=Exists(same_image.filter(status__in=UNFINISHED)),
        )


class ReviewQueue(Prediction):
    """The newest answer about a standing image, while nobody has reviewed it.

    `urgency`: 0 for what the model refers, 1 for what it refused, 2 for a verdict;
    `distance`: of the probability from the model's refer band, 0 to 1;
    `since`: when it was answered.
    """

    objects = ReviewQueueManager()  # type: ignore[assignment,misc]  # Fewer rows than the parent's.

    class Meta:
        proxy = True
        verbose_name = "answer to review"
        verbose_name_plural = "answers to review"


def _end_of_band(name: str) -> Coalesce:
    stated = Cast(KeyTextTransform(name, "model_version__contract"), FloatField())
    return Coalesce(stated, Value(MIDDLE))


_URGENCY = Case(
    When(outcome=Outcome.REFER, then=0),
    When(outcome=Outcome.REFUSED, then=1),
    default=2,
)
# PostgreSQL's greatest passes over NULL: a refusal, without probability, is at 0.
_DISTANCE = Greatest(
    F("probability") - _end_of_band("refer_high"),
    _end_of_band("refer_low") - F("probability"),
    Value(0.0),
)
