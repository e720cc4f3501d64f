import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from predictions.models import Analysis, Case, Image, Laboratory, Role
from predictions.services.laboratories import add_member
from predictions.services.people import invite
from predictions.services.tokens import issue_token
from predictions.urls import portal
from tests.predictions.records import make_fetch, make_prediction

OPEN = {"home", "login", "logout", "invitation"}
# Of alice's laboratory, and for its administrators alone.
ADMINISTERED = {
    *("member-list", "member-role", "member-disable", "member-enable"),
    *("invitation-new", "invitation-revoke"),
    *("laboratory-settings", "laboratory-audit"),
}
POSTED = {
    *("case-bulk", "case-undo", "case-assign"),
    *("import-check", "import-open", "image-upload", "image-spacing"),
    *("analysis-again", "analysis-cancel", "analysis-review"),
    *("fetch-cancel", "fetch-retry"),
}
NAMES = sorted({str(pattern.name) for pattern in portal} - OPEN)


@pytest.fixture
def analysis(image: Image) -> Analysis:
    return make_prediction(image, heatmap_file=uuid.uuid4()).analysis


@pytest.fixture
def address(
    case: Case, image: Image, analysis: Analysis, alice: User, dora: User
) -> dict[str, str]:
    """Every address of the portal, with ids of alice's laboratory."""
    token, _ = issue_token(user=alice, name="scanner")
    offer, secret = invite(
        laboratory=case.laboratory, role=Role.TECHNICIAN, note="Ida", invited_by=dora
    )
    ids = {
        "case": case.pk,
        "fetch": make_fetch(case, alice).pk,
        "image": image.pk,
        "analysis": analysis.pk,
        "token": token.pk,
        "secret": secret,
        "laboratory": case.laboratory_id,
        "membership": alice.memberships.get().pk,
        "invitation": offer.pk,
    }
    found = {}
    for pattern in portal:
        wanted = pattern.pattern.converters
        arguments = {name: ids[name.removesuffix("_id")] for name in wanted}
        found[str(pattern.name)] = reverse(str(pattern.name), kwargs=arguments)
    return found


def ask(client: Client, name: str, address: dict[str, str], **headers: str) -> int:
    method = "POST" if name in POSTED else "GET"
    return client.generic(method, address[name], headers=headers).status_code


def test_stranger_is_led_to_the_sign_in_page_and_back(
    address: dict[str, str], client: Client
) -> None:
    response = client.get(address["case-detail"])
    assert response["Location"] == f"/sign-in/?next={address['case-detail']}"


@pytest.mark.parametrize("name", sorted(POSTED))
def test_nothing_changes_by_get(
    name: str, address: dict[str, str], as_alice: Client
) -> None:
    assert as_alice.get(address[name]).status_code == 405


@pytest.mark.parametrize("name", ["case-list", "case-detail", "image-detail"])
def test_pages_are_kept_by_no_cache(
    name: str, address: dict[str, str], as_alice: Client
) -> None:
    assert "no-store" in as_alice.get(address[name])["Cache-Control"]


def test_moving_part_makes_the_page_reload_when_signed_out(
    address: dict[str, str], client: Client
) -> None:
    response = client.get(address["case-images"], headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response["HX-Refresh"] == "true"


def test_script_is_told_in_words_when_signed_out(
    address: dict[str, str], client: Client
) -> None:
    response = client.post(
        address["image-upload"], headers={"Accept": "application/json"}
    )
    assert response.status_code == 401
    assert "You are signed out." in response.json()["message"]


def test_disabled_account_is_signed_out(
    address: dict[str, str], as_alice: Client, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert ask(as_alice, "case-list", address) == 302


@pytest.mark.parametrize("name", sorted({"login", *NAMES} - POSTED))
def test_policy_allows_no_inline_script_or_style(
    name: str, address: dict[str, str], as_alice: Client
) -> None:
    response = as_alice.get(address[name])
    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize("name", sorted(ADMINISTERED))
def test_other_members_are_told_to_ask_an_administrator(
    name: str, address: dict[str, str], as_alice: Client, as_bob: Client
) -> None:
    for client in (as_alice, as_bob):
        for method in ("GET", "POST"):
            response = client.generic(method, address[name])
            if method == "POST" and name in {"member-list", "laboratory-audit"}:
                assert response.status_code == 405
                continue
            assert response.status_code == 403
            assert "Ask an administrator of North" in response.content.decode()


@pytest.mark.parametrize("name", sorted(ADMINISTERED))
def test_administrators_and_superusers_come_in(
    name: str, address: dict[str, str], as_dora: Client, client: Client
) -> None:
    client.force_login(User.objects.create_superuser("root"))
    for door in (as_dora, client):
        assert door.get(address[name]).status_code == 200


def test_a_former_administrator_does_not(
    address: dict[str, str], as_dora: Client, dora: User, elsewhere: Laboratory
) -> None:
    """But for a laboratory that is left, she would not even be signed in."""
    add_member(laboratory=elsewhere, user=dora, role=Role.ADMINISTRATOR)
    dora.memberships.exclude(laboratory=elsewhere).update(is_active=False)
    for name in ADMINISTERED:
        assert as_dora.get(address[name]).status_code == 404
