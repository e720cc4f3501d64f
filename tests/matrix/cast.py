"""Everybody who may ask, and one of everything that may be asked about."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from predictions.models import (
    ApiToken,
    Fetch,
    Image,
    Invitation,
    Laboratory,
    Membership,
    Message,
    Role,
    Scope,
)
from predictions.services.cases import open_case
from predictions.services.laboratories import create_laboratory
from predictions.services.storage import store
from predictions.services.tokens import issue_token
from tests.predictions.records import (
    make_image,
    make_person,
    make_prediction,
    make_review,
)

WHO = (
    "anonymous",
    "technician",
    "pathologist",
    "administrator",
    "elsewhere",
    "superuser",
    "disabled",
    "expired",
)


@dataclass(frozen=True)
class Cast:
    """alice's laboratory, its people and one of everything; and who is not of it."""

    people: dict[str, User]
    laboratory: Laboratory
    records: dict[str, Any]

    def browser(self, who: str) -> Client:
        """A browser in which this person has signed in."""
        client = Client()
        if who == "anonymous":
            return client
        client.force_login(self.people[who])
        if who == "disabled":
            Membership.objects.filter(user=self.people[who]).update(is_active=False)
        if who == "expired":
            Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
        return client

    def program(self, who: str) -> Client:
        """A program with a token of this person, of every scope."""
        if who == "anonymous":
            return Client()
        token, secret = issue_token(
            user=self.people[who], name="matrix", scopes=list(Scope)
        )
        if who == "disabled":
            Membership.objects.filter(user=self.people[who]).update(is_active=False)
        if who == "expired":
            ApiToken.objects.filter(pk=token.pk).update(expires_at=timezone.now())
        return Client(HTTP_AUTHORIZATION=f"Bearer {secret}")


def gather() -> Cast:
    """Make them all."""
    here = create_laboratory(name="North", default_spacing_um=0.5)
    there = create_laboratory(name="South")
    Laboratory.objects.filter(pk=here.pk).update(may_fetch=True)
    people = {
        "technician": make_person("alice", here, Role.TECHNICIAN),
        "pathologist": make_person("bob", here, Role.PATHOLOGIST),
        "administrator": make_person("dora", here, Role.ADMINISTRATOR),
        "elsewhere": make_person("charlie", there, Role.PATHOLOGIST),
        "superuser": User.objects.create_superuser("root"),
        "disabled": make_person("eve", here, Role.PATHOLOGIST),
        "expired": make_person("frank", here, Role.PATHOLOGIST),
    }
    here.refresh_from_db()
    return Cast(people, here, _records(people, here, there))


def _records(
    people: dict[str, User], here: Laboratory, there: Laboratory
) -> dict[str, Any]:
    alice, bob, dora = (
        people[who] for who in ("technician", "pathologist", "administrator")
    )
    case, other_case = (
        open_case(
            laboratory=here, opened_by=alice, accession_number=number, patient_code="P"
        )
        for number in ("S26-0001", "S26-0002")
    )
    foreign_case = open_case(
        laboratory=there,
        opened_by=people["elsewhere"],
        accession_number="T26-0001",
        patient_code="Q",
    )
    image = _image(case, alice)
    prediction = make_prediction(image, heatmap_file=store().keep_bytes(b"heatmap"))
    foreign = make_prediction(_image(foreign_case, people["elsewhere"]))
    token, _ = issue_token(user=alice, name="scanner")
    return {
        "laboratory": here,
        "other_laboratory": there,
        "case": case,
        "other_case": other_case,
        "foreign_case": foreign_case,
        "image": image,
        "foreign_image": foreign.analysis.image,
        "analysis": prediction.analysis,
        "prediction": prediction,
        "review": make_review(prediction, bob),
        "message": Message.objects.create(case=case, author=alice, text="Rushed."),
        "fetch": Fetch.objects.create(
            case=case, url="https://images.example.org/a.png", asked_by=alice
        ),
        "membership": Membership.objects.get(user=bob),
        "token": token,
        "invitation": Invitation.objects.create(
            laboratory=here,
            role=Role.TECHNICIAN,
            note="the new technician",
            sha256="ab" * 32,
            invited_by=dora,
            expires_at=timezone.now() + timedelta(days=1),
        ),
    }


def _image(case: Any, uploaded_by: User) -> Image:
    return make_image(
        case,
        uploaded_by,
        stored_file=store().keep_bytes(b"stored"),
        display_file=store().keep_bytes(b"display"),
        thumbnail_file=store().keep_bytes(b"thumbnail"),
    )
