"""Every address of the API x everybody: a new address without a row fails here."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern, reverse
from django.utils import timezone
from rest_framework.test import APIClient

from predictions.api.urls import urlpatterns
from predictions.models import (
    ApiToken,
    Case,
    Fetch,
    Image,
    Laboratory,
    Prediction,
    Role,
)
from predictions.services.cases import open_case
from predictions.services.people import invite
from predictions.services.storage import store
from predictions.services.tokens import issue_token
from tests.predictions.api.conftest import client_of
from tests.predictions.records import make_image, make_person, make_prediction

# name: (method, what its id is of, status for alice, bob and dora)
MATRIX: dict[str, tuple[str, str, tuple[int, int, int]]] = {
    "me": ("get", "", (200, 200, 200)),
    "case-list": ("get", "", (200, 200, 200)),
    "case-detail": ("get", "case", (200, 200, 200)),
    "case-images": ("get", "case", (200, 200, 200)),
    "case-fetches": ("post", "case", (201, 201, 403)),
    "fetch-list": ("get", "", (200, 200, 200)),
    "fetch-detail": ("get", "fetch", (200, 200, 200)),
    "fetch-cancel": ("post", "fetch", (200, 200, 403)),
    "messages": ("get", "case", (200, 200, 200)),
    "image-detail": ("get", "image", (200, 200, 200)),
    "image-thumbnail": ("get", "image", (200, 200, 200)),
    "image-display": ("get", "image", (200, 200, 200)),
    "image-original": ("get", "image", (403, 200, 200)),
    "image-spacing": ("post", "image", (201, 201, 403)),
    "image-withdraw": ("post", "image", (200, 200, 403)),
    "image-move": ("post", "image", (201, 201, 403)),
    "analysis-list": ("get", "", (200, 200, 200)),
    "analysis-detail": ("get", "analysis", (200, 200, 200)),
    "analysis-again": ("post", "analysis", (201, 201, 403)),
    "analysis-cancel": ("post", "analysis", (409, 409, 403)),
    "prediction-detail": ("get", "analysis", (200, 200, 200)),
    "prediction-heatmap": ("get", "analysis", (200, 200, 200)),
    "reviews": ("post", "analysis", (403, 201, 403)),
    "laboratory-list": ("get", "", (200, 200, 200)),
    "laboratory-detail": ("patch", "laboratory", (403, 403, 200)),
    "members": ("get", "laboratory", (200, 200, 200)),
    "member": ("patch", "member", (403, 403, 200)),
    "member-disable": ("post", "member", (403, 403, 200)),
    "member-enable": ("post", "member", (403, 403, 200)),
    "invitations": ("post", "laboratory", (403, 403, 201)),
    "invitation-revoke": ("post", "invitation", (403, 403, 200)),
    "token-list": ("get", "", (200, 200, 200)),
    "token-revoke": ("post", "token", (404, 404, 404)),
    "audit": ("get", "laboratory", (403, 403, 200)),
    "export-cases": ("get", "", (200, 200, 200)),
    "export-answers": ("get", "", (200, 200, 200)),
    "imports": ("post", "", (201, 201, 403)),
    "import-check": ("post", "", (200, 200, 403)),
}
LIST: dict[str, object] = {
    "manifest": "file,accession_number,patient_code\na.png,S26-9,P-9\n"
}
SENT: dict[str, dict[str, object]] = {
    "case-fetches": {"url": "https://images.example.org/field.png"},
    "image-spacing": {"spacing_um": 0.25},
    "image-withdraw": {"reason": "Of another patient."},
    "reviews": {"verdict": "malignant"},
    "laboratory-detail": {"retention_days": 400},
    "member": {"role": "pathologist"},
    "invitations": {"role": "technician", "note": "for erin"},
    "imports": LIST,
    "import-check": LIST,
}
# A superuser is no member: there is no laboratory to import into.
OF_ONE_LABORATORY = {"imports", "import-check"}
FOR_EVERYBODY = {"page", "schema", "problems", "problem"}
Asking = Callable[[APIClient, str], int]
ROWS = pytest.mark.parametrize("name", MATRIX)


@pytest.fixture
def prediction(image: Image, alice: User) -> Prediction:
    pictured = make_image(
        image.case,
        alice,
        display_file=store().keep_bytes(b"display"),
        thumbnail_file=store().keep_bytes(b"thumbnail"),
        stored_file=store().keep_bytes(b"original"),
    )
    return make_prediction(pictured, heatmap_file=store().keep_bytes(b"heatmap"))


@pytest.fixture
def other_case(laboratory: Laboratory, alice: User) -> Case:
    """Where an image may be moved to."""
    return open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0009",
        patient_code="P-0009",
    )


@pytest.fixture
def asking(
    prediction: Prediction, other_case: Case, laboratory: Laboratory, dora: User
) -> Asking:
    """Ask one address about rows of North; erin works there, and nobody asks as her."""
    image = prediction.analysis.image
    erin = make_person("erin", laboratory, Role.TECHNICIAN)
    Laboratory.objects.update(may_fetch=True)
    fetch = Fetch.objects.create(
        case=other_case, url="https://images.example.org/1.png", asked_by=erin
    )
    invitation, _ = invite(
        laboratory=laboratory, role=Role.TECHNICIAN, note="for fay", invited_by=dora
    )
    ids = {
        "case": image.case_id,
        "image": image.pk,
        "analysis": prediction.pk,
        "laboratory": other_case.laboratory_id,
        "fetch": fetch.pk,
        "member": erin.memberships.get().pk,
        "token": issue_token(user=erin, name="another's")[0].pk,
        "invitation": invitation.pk,
    }

    def ask(program: APIClient, name: str) -> int:
        method, of_what, _ = MATRIX[name]
        address = reverse(f"api:{name}", args=[ids[of_what]] if of_what else [])
        sent = SENT.get(name)
        if name == "image-move":
            sent = {"case": str(other_case.pk), "reason": "Of another patient."}
        body = {"data": sent, "format": "json"} if sent else {}
        response = getattr(program, method)(address, **body)
        response.close()
        return int(response.status_code)

    return ask


def test_every_address_has_its_row() -> None:
    names = {pattern.name for pattern in urlpatterns if isinstance(pattern, URLPattern)}
    assert names == MATRIX.keys() | FOR_EVERYBODY


@ROWS
def test_a_stranger_is_asked_for_a_token(
    anybody: APIClient, asking: Asking, name: str
) -> None:
    assert asking(anybody, name) == 401


@ROWS
@pytest.mark.parametrize(("who", "place"), [("alice", 0), ("bob", 1), ("dora", 2)])
def test_a_member_does_what_the_role_allows(
    request: pytest.FixtureRequest, asking: Asking, name: str, who: str, place: int
) -> None:
    program = client_of(request.getfixturevalue(who))
    assert asking(program, name) == MATRIX[name][2][place]


@ROWS
def test_somebody_else_s_id_is_not_there(
    as_charlie: APIClient, asking: Asking, name: str
) -> None:
    _, of_what, statuses = MATRIX[name]
    expected = 404 if of_what else statuses[1]
    assert asking(as_charlie, name) == expected


def test_somebody_else_s_rows_are_not_in_lists(
    as_charlie: APIClient, prediction: Prediction
) -> None:
    image = prediction.analysis.image
    for asked in ("", f"?case={image.case_id}", f"?image={image.pk}"):
        answer = as_charlie.get(f"/api/v1/analyses{asked}").json()
        assert answer["results"] == []
    assert as_charlie.get("/api/v1/cases").json()["results"] == []


@ROWS
def test_a_superuser_is_no_member(asking: Asking, name: str) -> None:
    root = client_of(User.objects.create_superuser("root"))
    expected = 404 if MATRIX[name][1] else 400 if name in OF_ONE_LABORATORY else 200
    assert asking(root, name) == expected


@ROWS
def test_a_disabled_account_is_out(
    as_alice: APIClient, alice: User, asking: Asking, name: str
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert asking(as_alice, name) == 401


@ROWS
def test_an_expired_token_is_out(
    as_alice: APIClient, asking: Asking, name: str
) -> None:
    ApiToken.objects.update(expires_at=timezone.now())
    assert asking(as_alice, name) == 401
