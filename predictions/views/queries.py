"""What the pages read, in few queries; all of it through `visible_to`."""

from collections.abc import Iterable
from typing import TypeVar
from uuid import UUID

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.http import Http404

from predictions.models import Analysis, Case, Fetch, Image, Membership, Review
from predictions.services.laboratories import UPLOADERS

Row = TypeVar("Row", bound=models.Model)
# How often a status, an outcome (None while there is none) is the newest of an image.
Counts = dict[tuple[str, str | None], int]


def found(rows: QuerySet[Row], row_id: UUID | int) -> Row:
    """The row, or 404: what is not visible is not there."""
    row = rows.filter(pk=row_id).first()
    if row is None:
        raise Http404
    return row


def like_accession_number(cases: QuerySet[Case], text: str) -> QuerySet[Case]:
    """Those whose accession number holds the text; all for an empty one."""
    return cases.filter(accession_number__icontains=text) if text else cases


def count_newest(cases: Iterable[Case]) -> tuple[dict[UUID, Counts], list[str]]:
    """For each case, what its standing images' newest analyses came to; and models."""
    newest = (
        Analysis.objects.filter(
            image__case__in=[case.pk for case in cases], image__withdrawn_at=None
        )
        .order_by("image_id", "-created_at", "pk")
        .distinct("image_id")
    )
    rows = (
        Analysis.objects.filter(pk__in=newest.values("pk"))
        .order_by()
        .values_list(
            "image__case_id",
            "status",
            "prediction__outcome",
            "prediction__model_version__name",
            "prediction__model_version__version",
        )
        .annotate(count=Count("pk"))
    )
    counts: dict[UUID, Counts] = {}
    models_seen: set[str] = set()
    for case_id, status, outcome, name, version, count in rows:
        of_case = counts.setdefault(case_id, {})
        of_case[status, outcome] = of_case.get((status, outcome), 0) + count
        if name:
            models_seen.add(f"{name} v{version}")
    return counts, sorted(models_seen)


def cases(user: User) -> QuerySet[Case]:
    return Case.objects.visible_to(user).select_related(
        "patient", "assignee", "laboratory", "created_by"
    )


def image_pages(user: User) -> QuerySet[Image]:
    """Images with all that their own page tells: readings, moves, neighbours."""
    readings = Review.objects.select_related("reader").order_by("-created_at", "pk")
    history = _history().prefetch_related(Prefetch("prediction__reviews", readings))
    return (
        _with_history(user, history)
        .select_related("withdrawn_by", "moved_to__case", "moved_from__case")
        .annotate(previous_id=_neighbour("lt"), next_id=_neighbour("gt"))
    )


def _history() -> QuerySet[Analysis]:
    return Analysis.objects.select_related(
        "prediction__model_version", "asked_by"
    ).order_by("-created_at", "pk")


def _with_history(user: User, history: QuerySet[Analysis]) -> QuerySet[Image]:
    return (
        Image.objects.visible_to(user)
        .select_related("case__laboratory", "case__patient", "specimen", "uploaded_by")
        .prefetch_related(Prefetch("analyses", history))
        .order_by("uploaded_at", "pk")
    )


def _neighbour(side: str) -> Subquery:
    """The id of the image before ("lt") or after ("gt") in the case; or null."""
    at = OuterRef("uploaded_at")
    beyond = Q(**{f"uploaded_at__{side}": at})
    at_once = Q(uploaded_at=at, **{f"pk__{side}": OuterRef("pk")})
    sign = "-" if side == "lt" else ""
    others = Image.objects.filter(beyond | at_once, case=OuterRef("case"))
    return Subquery(others.order_by(f"{sign}uploaded_at", f"{sign}pk").values("pk")[:1])


def cases_beside(image: Image, user: User) -> QuerySet[Case]:
    """The other cases of its laboratory, where it may belong; the newest first."""
    beside = Case.objects.visible_to(user).filter(laboratory=image.case.laboratory_id)
    return (
        beside.exclude(pk=image.case_id)
        .select_related("patient")
        .order_by("-created_at", "pk")
    )


def analyses(user: User) -> QuerySet[Analysis]:
    return Analysis.objects.visible_to(user).select_related("image__case__laboratory")


def fetches(user: User) -> QuerySet[Fetch]:
    return Fetch.objects.visible_to(user).select_related("case__laboratory")


def may_ask(user: User, case: Case) -> bool:
    """Whether to offer uploading and asking; the services decide again."""
    mine = Membership.objects.of(user)
    return mine.filter(laboratory=case.laboratory_id, role__in=UPLOADERS).exists()


def role_in(user: User, case: Case) -> str | None:
    """The person's role in the case's laboratory; none for who has none."""
    mine = Membership.objects.of(user).filter(laboratory=case.laboratory_id)
    return mine.values_list("role", flat=True).first()


def may_open_cases(user: User) -> bool:
    """Whether to offer opening a case, in any laboratory."""
    return Membership.objects.of(user).filter(role__in=UPLOADERS).exists()


def is_member(user: User) -> bool:
    return Membership.objects.of(user).exists()
