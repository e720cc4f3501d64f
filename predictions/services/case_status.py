"""What a case waits for: it follows from its images, and is kept with the case.

A column, so that a list of ten thousand cases sorts and filters by it at once. Whoever
changes what it follows from (an image, a question, an answer, a reading) does so
within `restating`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import models, transaction
from django.db.models import Case as Choose
from django.db.models import (
    Exists,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Substr

from predictions.models import Analysis, Case, CaseStatus, JobStatus, Outcome, Review
from predictions.models.job import UNFINISHED

AT_ONCE = 500  # Held together, and so for some 50 ms.

_NEWER = Analysis.objects.filter(
    image=OuterRef("image"), created_at__gt=OuterRef("created_at")
)
_READ = Review.objects.filter(prediction=OuterRef("pk"))
_ENDED_BADLY = Q(status__in=[JobStatus.FAILED, JobStatus.CANCELLED])
_REFUSED = Q(prediction__outcome=Outcome.REFUSED)

# The least of the images' words is the case's; its digit makes it so.
_WORD = Choose(
    When(status__in=UNFINISHED, then=Value(f"1{CaseStatus.WORKING}")),
    When(Exists(_NEWER), then=None),
    When(Exists(_READ), then=Value(f"4{CaseStatus.REVIEWED}")),
    When(_ENDED_BADLY | _REFUSED, then=Value(f"2{CaseStatus.ATTENTION}")),
    default=Value(f"3{CaseStatus.TO_REVIEW}"),
    output_field=models.CharField(),
)
_DUE = Coalesce(
    Subquery(
        Analysis.objects.filter(
            image__case=OuterRef("pk"), image__withdrawn_at__isnull=True
        )
        .order_by()
        .values("image__case")
        .annotate(word=Substr(Min(_WORD), 2))
        .values("word")
    ),
    Value(CaseStatus.EMPTY),
    output_field=models.CharField(),
)


@contextmanager
def restating(*cases: Case) -> Iterator[None]:
    """Hold the cases until COMMIT; what was done within shows in their status.

    Cases are held before their images, and these before what is asked about them, by
    everybody: so nobody waits in a circle. In a transaction only.
    """
    ours = _hold(case.pk for case in cases)
    yield
    restate(ours)


def restate(cases: QuerySet[Case]) -> int:
    """Bring their status up to what their images say. Says how many differed.

    A statement of its own once they are held, so that it sees what others did before.
    """
    return misstated(cases).update(status=_DUE)


def restate_all() -> int:
    """The same for every case, some at a time. Says how many differed."""
    differed = 0
    wrong = list(misstated(Case.objects.all()).values_list("pk", flat=True))
    for first in range(0, len(wrong), AT_ONCE):
        with transaction.atomic():
            differed += restate(_hold(wrong[first : first + AT_ONCE]))
    return differed


def misstated(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Those whose status is not what their images say."""
    return cases.exclude(status=_DUE)


def _hold(case_ids: Iterable[UUID]) -> QuerySet[Case]:
    cases = Case.objects.filter(pk__in=list(case_ids))
    held = cases.select_for_update(no_key=True).order_by("laboratory_id", "pk")
    list(held.values_list("pk"))
    return cases
