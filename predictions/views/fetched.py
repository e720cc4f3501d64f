"""The fetches of a case, ready to be printed."""

import hashlib
from dataclasses import dataclass

from django.contrib.auth.models import User

from predictions.models import Case, Fetch, JobStatus
from predictions.models.job import UNFINISHED

SHOWN = 10  # The timeline has the others.


class ShownFetch:
    """A fetch, for one person: only who asked sees the address."""

    def __init__(self, fetch: Fetch, user: User) -> None:
        self.fetch = fetch
        self.is_mine = fetch.asked_by_id == user.pk
        self.url = fetch.url if self.is_mine else ""
        self.is_unfinished = fetch.status in UNFINISHED
        self.may_try_again = self.is_mine and fetch.status in {
            JobStatus.FAILED,
            JobStatus.CANCELLED,
        }
        self.chip = f"predictions/fetch_status/{fetch.status}.html"
        self.number = str(fetch.pk)[:8]


@dataclass(frozen=True)
class Fetches:
    """The newest ones of a case."""

    rows: list[ShownFetch]

    @classmethod
    def of(cls, case: Case, user: User) -> "Fetches | None":
        """None where the laboratory fetches nothing."""
        if not case.laboratory.may_fetch:
            return None
        rows = Fetch.objects.visible_to(user).filter(case=case)
        newest = rows.select_related("asked_by", "image").order_by("-created_at", "pk")
        return cls([ShownFetch(row, user) for row in newest[:SHOWN]])

    @property
    def unfinished(self) -> int:
        return sum(row.is_unfinished for row in self.rows)

    @property
    def finished(self) -> int:
        return len(self.rows) - self.unfinished

    @property
    def fingerprint(self) -> str:
        """Changes exactly when something shown does."""
        states = "".join(
            f"{row.fetch.pk} {row.fetch.status} {row.fetch.attempt};"
            for row in self.rows
        )
        return hashlib.sha256(states.encode()).hexdigest()[:16]
