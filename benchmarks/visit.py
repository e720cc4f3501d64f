"""What there is to ask an installation for: every address that Django knows.

Django must be set up.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.contrib.auth.models import User
from django.http import HttpResponseBase
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from benchmarks.laboratory import Seeded
from predictions.models import (
    ApiToken,
    Fetch,
    Invitation,
    Membership,
    Prediction,
    Repeat,
    Role,
    Scope,
)
from predictions.services.people import invite
from predictions.services.tokens import issue_token

PAGE_TYPES = ("text/html", "application/json", "application/problem+json")
CHOICE = re.compile(r"\^\(\?P<\w+>(\w+)[^)]*\)/\$")  # The admin's, by application.
PLACE = re.compile(r"(?P<noun>[\w-]*)(?P<slash>/?)<(?:\w+:)?(?P<name>\w+)>")
# What is asked for beside the plain address, and how that is called.
VARIANTS = {
    "case-list": [
        ("filtered", "status=to_review&priority=10"),
        ("needing attention", "status=attention"),
        ("mine", "assignee=me"),
        ("searched", "q=0042"),
        ("searched in vain", "q=nothing-like-it"),
        ("by state", "order=status"),
        ("by patient", "order=-patient"),
        ("page 200", "page=200"),
        ("by state, page 200", "order=status&page=200"),
    ],
    "api:case-list": [
        ("filtered", "status=to_review&priority=routine"),
        ("searched", "text=0042"),
        ("ordered", "ordering=-accession_number"),
        ("200 at once", "page_size=200"),
    ],
    "api:image-list": [("200 at once", "page_size=200")],
    "api:analysis-list": [
        ("failed", "status=failed"),
        ("200 at once", "page_size=200"),
    ],
    "admin:predictions_case_changelist": [("searched", "q=0042"), ("page 90", "p=90")],
}
ANSWERED = {200, 302, 405}  # 405: it is posted to.
# Addresses that answer, but not with a page of which this is promised.
NO_PAGE = {
    "image-display": "a file; there is none",
    "image-thumbnail": "a file; there is none",
    "image-original": "a file; there is none",
    "heatmap": "a file; there is none",
    "api:image-display": "a file; there is none",
    "api:image-thumbnail": "a file; there is none",
    "api:image-original": "a file; there is none",
    "api:prediction-heatmap": "a file; there is none",
    "api:schema": "made for programs, once a release",
    "health-ready": "looks at Redis and the disk too",
    "admin:predictions_counter_change": "emptied while this is measured",
    "admin:predictions_counter_delete": "emptied while this is measured",
    "admin:predictions_counter_history": "emptied while this is measured",
    "admin:view_on_site": "leads elsewhere",
    "admin:autocomplete": "part of a form",
    "admin:predictions_reviewqueue_thumbnail": "a file; there is none",
}


@dataclass(frozen=True)
class Page:
    """An address and who asks for it."""

    name: str
    who: str
    address: str


@dataclass
class Visit:
    """The people who ask, and what there is to ask for."""

    seeded: Seeded
    clients: dict[str, Client] = field(default_factory=dict)
    missed: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Sign everybody in; who asks for a page is the first to whom it answers."""
        root = User.objects.create_superuser("root")
        people = {
            "technician": self.seeded.technician,
            "pathologist": self.seeded.pathologist,
            "administrator": self.seeded.administrator,
            "superuser": root,
        }
        for who, person in people.items():
            _, secret = issue_token(user=person, name="pages", scopes=list(Scope))
            self.clients[who] = Client(raise_request_exception=False)
            self.clients[who].force_login(person)
            self.clients[f"{who}, by token"] = Client(
                raise_request_exception=False,
                headers={"Authorization": f"Bearer {secret}"},
            )
        _, secret = invite(
            laboratory=self.seeded.laboratory,
            role=Role.TECHNICIAN,
            note="Whoever opens the link",
            invited_by=self.seeded.administrator,
        )
        answered = Prediction.objects.exclude(heatmap_file=None).filter(
            reviews__isnull=False, analysis__image__case__messages__isnull=False
        )
        prediction = answered.order_by("created_at")[answered.count() // 2]
        image = prediction.analysis.image
        fetch = Fetch.objects.create(
            case=image.case,
            asked_by=self.seeded.technician,
            url="https://images.example.org/field.png",
        )
        Repeat.objects.create(user=root, key="pages", request_sha256="ab" * 32)
        member = Membership.objects.filter(laboratory=self.seeded.laboratory)[0].pk
        self._ids: dict[str, Any] = {
            **dict.fromkeys(["cases", "case"], image.case_id),
            **dict.fromkeys(["images", "image"], image.pk),
            **dict.fromkeys(["analyses", "analysis"], prediction.pk),
            **dict.fromkeys(["predictions", "prediction"], prediction.pk),
            **dict.fromkeys(["laboratories", "laboratory"], self.seeded.laboratory.pk),
            **dict.fromkeys(["members", "membership"], member),
            **dict.fromkeys(["fetches", "fetch"], fetch.pk),
            "tokens": ApiToken.objects.all()[0].pk,
            "invitations": Invitation.objects.all()[0].pk,
            "secret": secret,
            "problems": "not_found",
        }

    def pages(self) -> Iterator[Page]:
        """Every address that answers with a page, and its variants."""
        for name, route in routes(get_resolver()):
            address = None if name in NO_PAGE else self._fill(route)
            page = self._first_answered(name, address) if address else None
            if page is None:
                continue
            yield page
            for label, query in VARIANTS.get(name, []):
                yield Page(f"{name}: {label}", page.who, f"{page.address}?{query}")

    def _fill(self, route: str) -> str | None:
        """The address with ids of what lies in the middle of the laboratory's year."""

        def one(place: re.Match[str]) -> str:
            noun = place["noun"] or place["name"].removesuffix("_id")
            found = self._ids.get(place["name"].removesuffix("_id"))
            found = found or self._ids.get(noun)
            return f"{place['noun']}{place['slash']}{found or self._newest(noun)}"

        try:
            return "/" + PLACE.sub(one, CHOICE.sub(r"\1/", route))
        except LookupError:
            self.missed.append(f"`{route}`: nothing is known to ask for")
            return None

    def _newest(self, noun: str) -> Any:
        """An object of the administration. Raises LookupError if there is none."""
        for model in apps.get_models():
            if model._meta.model_name == noun:  # noqa: SLF001 (Django's documented API)
                found = model._default_manager.first()  # noqa: SLF001 (the same)
                if found is not None:
                    return found.pk
        raise LookupError(noun)

    def _first_answered(self, name: str, address: str) -> Page | None:
        statuses = set()
        for who, client in self.clients.items():
            if ("token" in who) != address.startswith("/api/"):
                continue
            if address.startswith("/admin/") and who != "superuser":
                continue
            answer = client.get(address, secure=True)
            statuses.add(answer.status_code)
            if is_page(answer):
                return Page(name, who, address)
        # In the administration much is a record, which is looked at and no more.
        expected = {*ANSWERED, 403} if address.startswith("/admin/") else ANSWERED
        if not statuses & expected:
            self.missed.append(f"`{name}`: answered {sorted(statuses)}")
        return None


def routes(
    resolver: Any, prefix: str = "", space: str = ""
) -> Iterator[tuple[str, str]]:
    """Every address that has a name, and its route."""
    for each in resolver.url_patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            inside = f"{each.namespace}:" if each.namespace else ""
            yield from routes(each, route, space + inside)
        elif isinstance(each, URLPattern) and each.name:
            yield space + each.name, route


def is_page(answer: HttpResponseBase) -> bool:
    kind = answer.headers.get("Content-Type", "").partition(";")[0]
    return answer.status_code == 200 and kind in PAGE_TYPES and not answer.streaming
