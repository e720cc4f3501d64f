"""One case with all that its page shows, ready to be printed, in few queries."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING, TypedDict

from django.contrib.auth.models import User
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from predictions.models import (
    Analysis,
    Case,
    Fetch,
    Image,
    Membership,
    Message,
    Review,
)
from predictions.services.laboratories import UPLOADERS
from predictions.services.worklist import listed
from predictions.views.shown import Picture, fingerprint

if TYPE_CHECKING:
    from uuid import UUID

    from django_stubs_ext import WithAnnotations

    class _Facts(TypedDict):
        may_ask: bool
        fetch_ids: list[UUID]

    PageCase = WithAnnotations[Case, _Facts]
else:
    PageCase = Case


def case_pages(user: User) -> QuerySet[PageCase]:
    """Cases with what their pages need to know first, in one query.

    may_ask: whether to offer work on it; fetch_ids: what was asked to be fetched.
    """
    mine = Membership.objects.of(user).filter(role__in=UPLOADERS)
    fetches = Fetch.objects.filter(case=OuterRef("pk")).order_by().values("pk")
    return listed(Case.objects.visible_to(user)).annotate(
        may_ask=Exists(mine.filter(laboratory=OuterRef("laboratory"))),
        fetch_ids=ArraySubquery(fetches),
    )


@dataclass(frozen=True)
class Casework:
    """A case's images: those that stand, by specimen, and those that were withdrawn."""

    pictures: list[Picture]

    @classmethod
    def of(cls, case: Case, user: User) -> "Casework":
        return cls([Picture(image, user) for image in _images(case, user)])

    @property
    def images(self) -> list[Image]:
        return [picture.image for picture in self.pictures]

    @cached_property
    def standing(self) -> list[Picture]:
        return [picture for picture in self.pictures if not picture.image.is_void]

    @cached_property
    def withdrawn(self) -> list[Picture]:
        return [picture for picture in self.pictures if picture.image.is_void]

    @property
    def specimens(self) -> list[tuple[str, list[Picture]]]:
        """Labels with their images."""
        by_label = groupby(self.standing, lambda each: each.image.specimen.label)
        return [(label, list(pictures)) for label, pictures in by_label]

    @property
    def unfinished(self) -> int:
        return sum(picture.newest.is_unfinished for picture in self.standing)

    @property
    def finished(self) -> int:
        return len(self.standing) - self.unfinished

    @property
    def fingerprint(self) -> str:
        """Changes exactly when something shown does: states, readings, withdrawals."""
        more = "".join(
            f"{picture.image.purged_at} {[each.pk for each in picture.newest.readings]}"
            for picture in self.pictures
        )
        return (
            fingerprint(self.pictures) + hashlib.sha256(more.encode()).hexdigest()[:8]
        )


def _images(case: Case, user: User) -> QuerySet[Image]:
    """By specimen, then age; without the evidence of each answer, which is long."""
    reviews = Review.objects.select_related("reader").order_by("-created_at", "pk")
    history = (
        Analysis.objects.select_related("prediction__model_version", "asked_by")
        .defer("prediction__tiles", "prediction__seconds")
        .prefetch_related(Prefetch("prediction__reviews", reviews))
        .order_by("-created_at", "pk")
    )
    return (
        Image.objects.visible_to(user)
        .filter(case=case)
        .select_related(
            *("case__laboratory", "case__patient", "specimen", "uploaded_by"),
            *("withdrawn_by", "moved_to__case", "moved_from__case"),
        )
        .prefetch_related(Prefetch("analyses", history))
        .order_by("specimen__label", "uploaded_at", "pk")
    )


def messages_of(case: Case, user: User) -> list[Message]:
    """What people wrote on the case, the oldest first."""
    written = Message.objects.visible_to(user).filter(case=case)
    return list(written.select_related("author").order_by("created_at", "pk"))


def last_of(notes: list[Message]) -> str:
    """By what the page knows which messages it shows: there are only ever more."""
    return str(notes[-1].pk) if notes else ""
