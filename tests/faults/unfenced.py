"""Workers that take whatever a message names: the control of the fault proof.

`python -m celery -A tests.faults.unfenced:app worker ...`
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "histoapp.settings")
django.setup()

from predictions.models.analysis import Analysis, AnalysisQuerySet
from worker.app import app

__all__ = ["app"]


def claimable_always(rows: AnalysisQuerySet) -> AnalysisQuerySet:
    return rows.filter(finished_at__isnull=True)


def held_whatever_the_token(rows: AnalysisQuerySet, held: Analysis) -> AnalysisQuerySet:
    return rows.filter(pk=held.pk)


setattr(AnalysisQuerySet, "claimable", claimable_always)  # noqa: B010 - on purpose.
setattr(AnalysisQuerySet, "_held", held_whatever_the_token)  # noqa: B010 - likewise.
