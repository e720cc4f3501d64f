"""The record as a table for other programs: audited, streamed, safe to open."""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Case as Choose
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from predictions.models import Case, Image, Laboratory, Prediction, Priority, Review
from predictions.services.audit import record_event
from predictions.services.worklist import Filters, narrow, worklist

NOTICE = "Research use only. Not for diagnostic use."
CHUNK = 1000  # Rows of one round trip: some hundred kilobytes.

# What makes a spreadsheet run a cell, the full-width forms of East Asia included.
_FORMULA = re.compile(r"\s*[=+\-@＝＋－＠]|[\t\r\n]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")

# What a column is called, and where it comes from.
CASE_COLUMNS = {
    "case_id": "pk",
    "accession_number": "accession_number",
    "patient_code": "patient__code",
    "laboratory": "laboratory__name",
    "status": "status",
    "priority": "priority_word",
    "assignee": "assignee__username",
    "training_consent": "training_consent",
    "images": "image_count",
    "opened_by": "created_by__username",
    "opened_at": "created_at",
    "notice": "notice",
}
ANSWER_COLUMNS = {
    "case_id": "analysis__image__case",
    "accession_number": "analysis__image__case__accession_number",
    "patient_code": "analysis__image__case__patient__code",
    "specimen": "analysis__image__specimen__label",
    "image_id": "analysis__image",
    "sha256": "input_sha256",
    "analysis_id": "pk",
    "outcome": "outcome",
    "probability": "probability",
    "interval_low": "interval_low",
    "interval_high": "interval_high",
    "refusal_reason": "refusal_reason",
    "model": "model_version__name",
    "version": "model_version__version",
    "spacing_um": "spacing_um",
    "spacing_assumed": "spacing_assumed",
    "void": "void",
    "review_verdict": "review_verdict",
    "review_agrees": "review_agrees",
    "reader": "reader",
    "reviewed_at": "reviewed_at",
    "uploaded_at": "analysis__image__uploaded_at",
    "asked_at": "analysis__created_at",
    "answered_at": "created_at",
    "notice": "notice",
}

Row = Sequence[object]


def csv_safe(value: object) -> str:
    """One cell: times in ISO 8601 UTC, numbers as they are, text that runs nowhere.

    A text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return (
            value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        )
    text = str(value)
    if isinstance(value, int | float) or _NUMBER.fullmatch(text):
        return text
    return f"'{text}" if _FORMULA.match(text) else text


def export_cases(*, exported_by: User, filters: Filters) -> Iterator[Row]:
    """The person's cases that fit, a head first, the newest first.

    On the trail before the first row is out: who, how many rows, which filters.
    """
    found = _found(exported_by, filters)
    counts = found.values_list("laboratory").annotate(rows=Count("pk"))
    _record(counts, what="cases", exported_by=exported_by, filters=filters)
    return _case_rows(worklist(user=exported_by, filters=filters, ordering="-opened"))


def export_answers(*, exported_by: User, filters: Filters) -> Iterator[Row]:
    """Every answer about these cases' images, void ones too; otherwise likewise."""
    answers = Prediction.objects.filter(
        analysis__image__case__in=_found(exported_by, filters).values("pk")
    ).order_by()
    counts = answers.values_list("analysis__image__case__laboratory").annotate(
        rows=Count("pk")
    )
    _record(counts, what="answers", exported_by=exported_by, filters=filters)
    return _answer_rows(answers)


def csv_lines(rows: Iterable[Row]) -> Iterator[str]:
    """The rows as text, one line at a time."""
    writer = csv.writer(_Echo())
    for row in rows:
        yield writer.writerow([csv_safe(value) for value in row])


class _Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def _found(user: User, filters: Filters) -> QuerySet[Case]:
    cases = Case.objects.visible_to(user).order_by()
    return narrow(cases, filters=filters, user=user)


@transaction.atomic
def _record(
    counts: Iterable[tuple[UUID, int]],
    *,
    what: str,
    exported_by: User,
    filters: Filters,
) -> None:
    """In the chain of each laboratory of which there are rows."""
    rows = dict(counts)
    for laboratory in Laboratory.objects.filter(pk__in=rows).order_by("pk"):
        record_event(
            laboratory=laboratory,
            actor=exported_by,
            action=f"export.{what}",
            subject=f"laboratory:{laboratory.pk}",
            detail={"rows": rows[laboratory.pk], "filters": filters.names},
        )


def _case_rows(cases: QuerySet[Case]) -> Iterator[Row]:
    standing = (
        Image.objects.standing()
        .filter(case=OuterRef("pk"))
        .order_by()
        .values("case")
        .annotate(count=Count("pk"))
        .values("count")
    )
    found = cases.annotate(
        image_count=Coalesce(Subquery(standing), 0),
        priority_word=Choose(
            *(When(priority=one, then=Value(one.name.lower())) for one in Priority)
        ),
        notice=Value(NOTICE),
    )
    return _rows(found, CASE_COLUMNS)


def _answer_rows(answers: QuerySet[Prediction]) -> Iterator[Row]:
    newest = Review.objects.filter(prediction=OuterRef("pk")).order_by("-created_at")
    found = answers.annotate(
        void=Q(analysis__image__withdrawn_at__isnull=False),
        review_verdict=Subquery(newest.values("verdict")[:1]),
        review_agrees=Subquery(newest.values("agrees")[:1]),
        reader=Subquery(newest.values("reader__username")[:1]),
        reviewed_at=Subquery(newest.values("created_at")[:1]),
        notice=Value(NOTICE),
    )
    in_order = found.order_by(
        "-analysis__image__case__created_at", "analysis__image", "created_at", "pk"
    )
    return _rows(in_order, ANSWER_COLUMNS)


def _rows(found: QuerySet[Any], columns: Mapping[str, str]) -> Iterator[Row]:
    """The head, then one row after the other from the database's cursor."""
    yield list(columns)
    yield from found.values_list(*columns.values()).iterator(chunk_size=CHUNK)
