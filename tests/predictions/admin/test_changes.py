"""What may be changed at the admin goes through a service, and is on record."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from predictions.models import (
    Analysis,
    ApiToken,
    AuditEvent,
    Case,
    JobStatus,
    Laboratory,
    Role,
)
from predictions.services.laboratories import add_member
from predictions.services.tokens import find_token, issue_token
from tests.predictions.records import make_analysis, make_failed, make_image

ANALYSES = "admin:predictions_analysis_changelist"


def act(client: Client, action: str, *rows: Any, name: str = ANALYSES) -> str:
    """Choose an action for these rows; what the next page says."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows]}
    response = client.post(reverse(name), chosen, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def event(action: str) -> AuditEvent:
    return AuditEvent.objects.get(action=action)


@pytest.fixture
def working_root(root: User, laboratory: Laboratory) -> User:
    """A keeper who also works in the laboratory."""
    add_member(laboratory=laboratory, user=root, role=Role.PATHOLOGIST)
    return root


def test_asking_again_calls_the_service(
    as_root: Client, working_root: User, case: Case, alice: User
) -> None:
    failed = make_failed(make_image(case, alice))
    waiting = make_analysis(make_image(case, alice))
    said = act(as_root, "ask_again", failed, waiting)
    assert "1 of 2 asked again." in said
    assert "being analysed already" in said
    assert Analysis.objects.get(again_after=failed).asked_by == working_root
    assert event("analysis.ask_again").actor == "root"


def test_cancelling_calls_the_service(
    as_root: Client, working_root: User, case: Case, alice: User
) -> None:
    waiting = make_analysis(make_image(case, alice))
    failed = make_failed(make_image(case, alice))
    assert "1 of 2 cancelled." in act(as_root, "cancel", waiting, failed)
    waiting.refresh_from_db()
    assert waiting.status == JobStatus.CANCELLED
    assert event("analysis.cancel").subject == f"analysis:{waiting.pk}"


def test_a_keeper_who_is_no_member_changes_nothing(
    as_root: Client, case: Case, alice: User
) -> None:
    failed = make_failed(make_image(case, alice))
    said = act(as_root, "ask_again", failed)
    assert "Ask a technician or a pathologist of North" in said
    assert Analysis.objects.count() == 1


def test_a_token_is_revoked(as_root: Client, alice: User) -> None:
    token, secret = issue_token(user=alice, name="scanner")
    act(as_root, "revoke", token, name="admin:predictions_apitoken_changelist")
    assert find_token(secret=secret) is None
    assert ApiToken.objects.get().revoked_at is not None
    assert event("token.revoke").actor == "root"


def test_a_laboratory_is_founded(as_root: Client) -> None:
    wished = {"name": "West", "default_spacing_um": "0.25", "quota_bytes": "1000"}
    response = as_root.post(reverse("admin:predictions_laboratory_add"), wished)
    assert response.status_code == 302
    west = Laboratory.objects.get()
    assert (west.name, west.default_spacing_um, west.quota_bytes) == (
        "West",
        0.25,
        1000,
    )
    assert event("laboratory.create").laboratory == west


def test_a_laboratory_is_changed(as_root: Client, laboratory: Laboratory) -> None:
    wished = {"name": "North", "default_spacing_um": "", "quota_bytes": "7"}
    address = reverse("admin:predictions_laboratory_change", args=[laboratory.pk])
    assert as_root.post(address, wished).status_code == 302
    laboratory.refresh_from_db()
    assert (laboratory.default_spacing_um, laboratory.quota_bytes) == (None, 7)
    assert event("laboratory.change").detail == {
        "default_spacing_um": None,
        "quota_bytes": 7,
    }
    as_root.post(address, wished)  # Nothing changed: nothing to record.
    assert event("laboratory.change").actor == "root"


@pytest.mark.parametrize("name", ["laboratory", "membership"])
def test_staff_change_no_laboratory(
    as_staff: Client, laboratory: Laboratory, name: str
) -> None:
    before = list(Laboratory.objects.values())
    address = reverse(f"admin:predictions_{name}_add")
    assert as_staff.post(address, {"name": "Mine"}).status_code == 403
    change = reverse("admin:predictions_laboratory_change", args=[laboratory.pk])
    assert as_staff.post(change, {"name": "Mine"}).status_code == 403
    assert list(Laboratory.objects.values()) == before
