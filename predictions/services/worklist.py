"""The worklist: which cases a person sees, in what state and in which order.

The one query behind the portal's list, the API's, the administration's and the CSV.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Case as Choose
from django.db.models import Q, QuerySet, When
from django.db.models.expressions import Combinable

from predictions.models import Case, CaseStatus, Priority

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


# --- Which, and in which order --------------------------------------------------

_RANK = Choose(
    *(When(status=status, then=rank) for rank, status in enumerate(CaseStatus.values)),
    output_field=models.SmallIntegerField(),
)
# Urgent cases that nobody has finished, then the newest: what is done is no work, so
# that an urgent case of last year does not stand above this morning's.
_PRESSING = Choose(
    When(~Q(status=CaseStatus.REVIEWED), priority=Priority.URGENT, then=0), default=1
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
) -> QuerySet[Case]:
    """The person's cases. `ordering`: a name of ORDERINGS."""
    cases = narrow(Case.objects.visible_to(user), filters=filters, user=user)
    return listed(cases).order_by(*ORDERINGS[ordering], "pk")


def listed(cases: QuerySet[Case]) -> QuerySet[Case]:
    """With what a list shows of each case."""
    return cases.select_related("laboratory", "patient", "assignee", "created_by")


def narrow(cases: QuerySet[Case], *, filters: Filters, user: User) -> QuerySet[Case]:
    """Those that fit; `user` is who ME means."""
    wanted = Q()
    if filters.text:
        wanted &= Q(accession_number__icontains=filters.text) | Q(
            patient__code__icontains=filters.text
        )
    if filters.assignee == NOBODY:
        wanted &= Q(assignee=None)
    elif filters.assignee:
        wanted &= Q(assignee=user.pk if filters.assignee == ME else filters.assignee)
    columns = {
        "status": filters.status or None,
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

    cases: list[Case]
    number: int
    pages: int
    total: int

    @property
    def previous(self) -> int:
        return self.number - 1

    @property
    def next(self) -> int:
        return self.number + 1


def page_of(cases: QuerySet[Case], *, number: int, size: int) -> Page:
    """One page, or the last one there is.

    Its ids are found within the query: sorting ten thousand whole rows takes three
    times as long.
    """
    total = cases.count()
    pages = max(1, math.ceil(total / size))
    number = min(number, pages)
    ids = cases.values("pk")[(number - 1) * size : number * size]
    rows = listed(Case.objects.filter(pk__in=ids)).order_by(*cases.query.order_by)
    return Page(list(rows), number, pages, total)
