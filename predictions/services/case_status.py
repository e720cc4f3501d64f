"""What a case waits for, and which answers nobody has read: kept as columns.

Both follow from the images and what was said about them; as columns, so that a list of
ten thousand sorts and filters by them at once. Whoever changes what they follow from
(an image, a question, an answer, a reading) does so within `restating`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from uuid import UUID

from django.db import models, transaction
from django.db.models import Case as Choose
from django.db.models import (
    Exists,
    F,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Substr

from predictions.models import (
    Analysis,
    Case,
    CaseStatus,
    Image,
    JobStatus,
    Outcome,
    Prediction,
    Review,
)
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

# Of an image: its newest answer, unless it was read or does not count any more.
_UNREAD = Subquery(
    Prediction.objects.filter(
        ~Exists(_READ),
        ~Exists(
            Prediction.objects.filter(
                analysis__image=OuterRef("analysis__image"),
                analysis__created_at__gt=OuterRef("analysis__created_at"),
            )
        ),
        analysis__image=OuterRef("pk"),
        analysis__image__withdrawn_at__isnull=True,
        analysis__image__purged_at__isnull=True,
    )
    .order_by("pk")
    .values("pk")[:1]
)


@contextmanager
def restating(*cases: Case) -> Iterator[None]:
    """Hold the cases until COMMIT; what was done within shows in the columns.

    Cases are held before their images, and these before what is asked about them, by
    everybody: so nobody waits in a circle. In a transaction only.
    """
    ours = _hold(case.pk for case in cases)
    yield
    restate(ours)


def restate(cases: QuerySet[Case]) -> int:
    """Bring the columns up to what the images say. Says how many cases differed.

    Statements of their own once they are held, so that they see what others did before.
    """
    wrong = list(misstated(cases).order_by().values_list("pk", flat=True))
    if wrong:
        _misstated_images().filter(case__in=wrong).update(unread_answer=_UNREAD)
        Case.objects.filter(pk__in=wrong).update(status=_DUE)
    return len(wrong)


def restate_all() -> int:
    """The same for every case, some at a time. Says how many differed."""
    differed = 0
    wrong = list(misstated(Case.objects.all()).values_list("pk", flat=True))
    for first in range(0, len(wrong), AT_ONCE):
        with transaction.atomic():
            differed += restate(_hold(wrong[first : first + AT_ONCE]))
    return differed


def misstated(cases: QuerySet[Case]) -> QuerySet[Case]:
    """Those of which a column is not what the images say."""
    images = _misstated_images().filter(case=OuterRef("pk"))
    return cases.filter(~Q(status=_DUE) | Exists(images))


def _misstated_images() -> QuerySet[Image]:
    nil = Value(UUID(int=0), models.UUIDField())  # NULL equals nothing.
    said = Image.objects.annotate(
        kept=Coalesce("unread_answer_id", nil), due=Coalesce(_UNREAD, nil)
    )
    return said.exclude(kept=F("due")).order_by()


def _hold(case_ids: Iterable[UUID]) -> QuerySet[Case]:
    cases = Case.objects.filter(pk__in=list(case_ids))
    held = cases.select_for_update(no_key=True).order_by("laboratory_id", "pk")
    list(held.values_list("pk"))
    return cases
