"""The worklist: which cases a person sees, in what state and in which order.

The one query behind the portal's list, the API's, the administration's and the CSV.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, NamedTuple, TypedDict
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Case as Choose
from django.db.models import (
    Count,
    Exists,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
    Window,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Substr

from predictions.models import (
    Analysis,
    Case,
    Image,
    JobStatus,
    Outcome,
    Priority,
    Review,
)
from predictions.models.job import UNFINISHED

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

    class _Status(TypedDict):
        status: str

    ListedCase = WithAnnotations[Case, _Status]
else:
    ListedCase = Case


class CaseStatus(models.TextChoices):
    """What a case waits for, the pressing ones first. Withdrawn images do not count.

    ATTENTION: the newest question about an image failed, was cancelled, or was
    refused and nobody has read that. TO_REVIEW: an image's newest answer is unread.
    """

    ATTENTION = "attention", "Needs attention"
    TO_REVIEW = "to_review", "To review"
    WORKING = "working", "In analysis"
    EMPTY = "empty", "No image yet"
    REVIEWED = "reviewed"


ME, NOBODY = "me", "nobody"


@dataclass(frozen=True)
class Filters:
    """Which cases; what is empty narrows nothing.

    text: a part of the accession number or the patient code, in any case.
    assignee: ME, NOBODY or a person's id. opened_from, opened_to: whole days, both
    included, in the installation's time zone.
    """

    text: str = ""
    status: str = ""
    priority: int | None = None
    assignee: str | int = ""
    laboratory: UUID | None = None
    consent: str = ""
    opened_from: date | None = None
    opened_to: date | None = None

    @property
    def names(self) -> list[str]:
        """Of those that narrow: for the trail, which repeats no value."""
        return [name for name, value in vars(self).items() if value not in {"", None}]


# --- The state of a case --------------------------------------------------------

_NEWER = Analysis.objects.filter(
    image=OuterRef("image"), created_at__gt=OuterRef("created_at")
)
_READ = Review.objects.filter(prediction=OuterRef("pk"))
_ENDED_BADLY = Q(status__in=[JobStatus.FAILED, JobStatus.CANCELLED])
_REFUSED = Q(prediction__outcome=Outcome.REFUSED)


def _standing() -> QuerySet[Analysis]:
    """Questions about images that were not withdrawn."""
    return Analysis.objects.filter(image__withdrawn_at__isnull=True).order_by()


def _unread(wanted: Q) -> QuerySet[Analysis, object]:
    """The cases with an image whose newest question is such, its answer unread."""
    newest = _standing().filter(wanted, ~Exists(_NEWER), ~Exists(_READ))
    return newest.values("image__case")


_HAS_IMAGE = Q(Exists(Image.objects.standing().filter(case=OuterRef("pk"))))
_WORKING = Q(pk__in=_standing().filter(status__in=UNFINISHED).values("image__case"))
# Two, not one with "or": each alone finds its few rows without joining all others.
_FAILED, _DECLINED = Q(pk__in=_unread(_ENDED_BADLY)), Q(pk__in=_unread(_REFUSED))
_TO_REVIEW = Q(pk__in=_unread(Q(status=JobStatus.SUCCEEDED)))
_UNREAD = Q(pk__in=_unread(Q()))

# Each state as a condition on sets of rows: for 10,000 cases at once, some 40 ms.
_IS: Mapping[str, Q] = {
    CaseStatus.EMPTY: ~_HAS_IMAGE,
    CaseStatus.WORKING: _WORKING,
    CaseStatus.ATTENTION: (_FAILED | _DECLINED) & ~_WORKING,
    # Negated as a whole: PostgreSQL then makes each set once, and looks cases up in it.
    CaseStatus.TO_REVIEW: ~(~_TO_REVIEW | _FAILED | _DECLINED | _WORKING),
    CaseStatus.REVIEWED: _HAS_IMAGE & ~_UNREAD,
}

# The same as a column, looked up case by case: for the few of a page, some 2 ms. The
# least of the images' words is the case's; its digit makes it so.
_WORD = Choose(
    When(status__in=UNFINISHED, then=Value(f"1{CaseStatus.WORKING}")),
    When(Exists(_NEWER), then=None),
    When(Exists(_READ), then=Value(f"4{CaseStatus.REVIEWED}")),
    When(_ENDED_BADLY | _REFUSED, then=Value(f"2{CaseStatus.ATTENTION}")),
    default=Value(f"3{CaseStatus.TO_REVIEW}"),
    output_field=models.CharField(),
)
_STATUS = Coalesce(
    Subquery(
        _standing()
        .filter(image__case=OuterRef("pk"))
        .values("image__case")
        .annotate(word=Substr(Min(_WORD), 2))
        .values("word")
    ),
    Value(CaseStatus.EMPTY),
    output_field=models.CharField(),
)

# --- Which, and in which order --------------------------------------------------

_RANK = Choose(
    When(_WORKING, then=2),
    When(_FAILED | _DECLINED, then=0),
    When(_TO_REVIEW, then=1),
    When(~_HAS_IMAGE, then=3),
    default=4,
)
# Urgent cases that nobody has finished, then the newest: what is done is no work, so
# that an urgent case of last year does not stand above this morning's.
_PRESSING = Choose(
    When(
        Q(pk__in=_unread(Q(image__case__priority=Priority.URGENT)))
        | Q(pk__in=Case.objects.filter(~_HAS_IMAGE, priority=Priority.URGENT)),
        then=0,
    ),
    default=1,
)
DEFAULT_ORDER = "pressing"
# The id comes last everywhere, so that no case is on two pages.
ORDERINGS: Mapping[str, Sequence[str | Combinable]] = {
    DEFAULT_ORDER: [_PRESSING, "-created_at"],
    "opened": ["created_at"],
    "-opened": ["-created_at"],
    "accession_number": ["accession_number"],
    "-accession_number": ["-accession_number"],
    "priority": ["priority", "-created_at"],
    "-priority": ["-priority", "-created_at"],
    "status": [_RANK, "-created_at"],
    "-status": [_RANK.desc(), "-created_at"],
    "patient": ["patient__code", "-created_at"],
    "-patient": ["-patient__code", "-created_at"],
}


def worklist(
    *, user: User, filters: Filters = Filters(), ordering: str = DEFAULT_ORDER
) -> QuerySet[ListedCase]:
    """The person's cases, each with its `status`. `ordering`: a name of ORDERINGS."""
    cases = narrow(Case.objects.visible_to(user), filters=filters, user=user)
    if filters.status and ordering in {DEFAULT_ORDER, "status", "-status"}:
        # All are in one state, then; and what is done does not press.
        is_done = filters.status == CaseStatus.REVIEWED
        ordering = "-opened" if is_done or ordering != DEFAULT_ORDER else "priority"
    return with_status(cases).order_by(*ORDERINGS[ordering], "pk")


def with_status(cases: QuerySet[Case]) -> QuerySet[ListedCase]:
    """With what a list shows of each case."""
    return cases.select_related(
        "laboratory", "patient", "assignee", "created_by"
    ).annotate(status=_STATUS)


def narrow(cases: QuerySet[Case], *, filters: Filters, user: User) -> QuerySet[Case]:
    """Those that fit; `user` is who ME means."""
    wanted = Q()
    if filters.text:
        wanted &= Q(accession_number__icontains=filters.text) | Q(
            patient__code__icontains=filters.text
        )
    if filters.status:
        wanted &= _IS[filters.status]
    if filters.assignee == NOBODY:
        wanted &= Q(assignee=None)
    elif filters.assignee:
        wanted &= Q(assignee=user.pk if filters.assignee == ME else filters.assignee)
    columns = {
        "priority": filters.priority,
        "laboratory": filters.laboratory,
        "training_consent": filters.consent or None,
        "created_at__date__gte": filters.opened_from,
        "created_at__date__lte": filters.opened_to,
    }
    return cases.filter(
        wanted, **{name: value for name, value in columns.items() if value is not None}
    )


class Page(NamedTuple):
    """Some of the cases, and how many there are in all."""

    cases: list[ListedCase]
    number: int
    pages: int
    total: int

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1


def page_of(cases: QuerySet[ListedCase], *, number: int, size: int) -> Page:
    """One page, or the last one there is.

    First the ids and their count, then the rows of these few: sorting ten thousand
    whole rows takes three times as long.
    """
    start = (number - 1) * size
    total = Window(Count("*"))
    found = list(cases.values_list("pk", total)[start : start + size])
    if not found and number > 1:
        last = max(1, math.ceil(cases.count() / size))
        return page_of(cases, number=min(number - 1, last), size=size)
    rows = with_status(Case.objects.all()).in_bulk([pk for pk, _ in found])
    count = found[0][1] if found else 0
    return Page(
        [rows[pk] for pk, _ in found], number, max(1, math.ceil(count / size)), count
    )
