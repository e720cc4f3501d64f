"""Members are changed at the admin only by who may, through the services."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from predictions.models import AuditEvent, Invitation, Laboratory, Membership, Role
from tests.predictions.admin.conftest import make_staff, sign_in
from tests.predictions.admin.test_changes import act
from tests.predictions.admin.test_windows import MAX_QUERIES, count_queries

MEMBERS = "admin:predictions_membership_changelist"
ACTIONS = [
    "make_technician",
    "make_pathologist",
    "make_administrator",
    "disable",
    "enable",
]


def membership(user: User) -> Membership:
    return Membership.objects.get(user=user)


def told(laboratory: Laboratory, user: User) -> list[tuple[str, str]]:
    events = laboratory.audit_events.filter(subject=f"user:{user.pk}")
    return [(event.action, event.actor) for event in events.order_by("sequence")][1:]


@pytest.fixture
def as_administrator(laboratory: Laboratory) -> Client:
    return sign_in(make_staff("ada", laboratory, Role.ADMINISTRATOR))


def test_an_administrator_changes_roles_and_disables(
    as_administrator: Client, laboratory: Laboratory, alice: User
) -> None:
    said = act(as_administrator, "make_pathologist", membership(alice), name=MEMBERS)
    assert "1 of 1 made pathologist." in said
    assert membership(alice).role == Role.PATHOLOGIST
    act(as_administrator, "disable", membership(alice), name=MEMBERS)
    assert not membership(alice).is_active
    act(as_administrator, "enable", membership(alice), name=MEMBERS)
    assert membership(alice).is_active
    assert told(laboratory, alice) == [
        ("membership.set", "ada"),
        ("membership.disable", "ada"),
        ("membership.enable", "ada"),
    ]


def test_the_members_take_few_queries(as_administrator: Client, alice: User) -> None:
    assert count_queries(as_administrator, reverse(MEMBERS)) <= MAX_QUERIES


@pytest.mark.parametrize("action", ACTIONS[:4])
def test_an_administrator_does_not_change_themselves(
    as_administrator: Client, action: str
) -> None:
    mine = Membership.objects.get(user__username="ada")
    said = act(as_administrator, action, mine, name=MEMBERS)
    assert "ada: Nobody changes or disables themselves." in said
    assert Membership.objects.values().get(pk=mine.pk)["role"] == Role.ADMINISTRATOR


@pytest.mark.parametrize("action", ACTIONS)
def test_staff_who_do_not_administer_are_offered_nothing(
    as_staff: Client, laboratory: Laboratory, alice: User, action: str
) -> None:
    before = list(Membership.objects.values())
    act(as_staff, action, membership(alice), name=MEMBERS)
    assert list(Membership.objects.values()) == before
    assert told(laboratory, alice) == []
    assert action not in as_staff.get(reverse(MEMBERS)).content.decode()


@pytest.mark.parametrize("action", ACTIONS)
def test_who_administers_one_of_two_laboratories_decides_there_alone(
    as_administrator: Client, charlie: User, elsewhere: Laboratory, action: str
) -> None:
    ada = User.objects.get(username="ada")
    Membership.objects.create(user=ada, laboratory=elsewhere, role=Role.TECHNICIAN)
    before = Membership.objects.values().get(user=charlie)
    said = act(as_administrator, action, membership(charlie), name=MEMBERS)
    assert "charlie: " in said
    assert Membership.objects.values().get(user=charlie) == before


def test_staff_post_nothing_into_a_membership(
    as_administrator: Client, alice: User, elsewhere: Laboratory
) -> None:
    before = list(Membership.objects.values())
    wished = {"user": alice.pk, "laboratory": elsewhere.pk, "role": "administrator"}
    row = membership(alice)
    for address in (
        reverse("admin:predictions_membership_add"),
        reverse("admin:predictions_membership_change", args=[row.pk]),
        reverse("admin:predictions_membership_delete", args=[row.pk]),
    ):
        answer = as_administrator.post(address, wished | {"post": "yes"})
        assert answer.status_code == 403
    assert list(Membership.objects.values()) == before


def test_a_superuser_adds_a_member_and_disables_but_deletes_none(
    as_root: Client, laboratory: Laboratory, charlie: User
) -> None:
    add = reverse("admin:predictions_membership_add")
    wished = {"user": charlie.pk, "laboratory": laboratory.pk, "role": "technician"}
    assert as_root.post(add, wished).status_code == 302
    made = Membership.objects.get(user=charlie, laboratory=laboratory)
    delete = reverse("admin:predictions_membership_delete", args=[made.pk])
    assert as_root.post(delete, {"post": "yes"}).status_code == 403
    act(as_root, "delete_selected", made, name=MEMBERS)
    made.refresh_from_db()
    assert made.is_active
    act(as_root, "disable", made, name=MEMBERS)
    made.refresh_from_db()
    assert not made.is_active
    events = laboratory.audit_events.filter(subject=f"user:{charlie.pk}")
    assert [(e.action, e.actor) for e in events.order_by("sequence")] == [
        ("membership.set", "root"),
        ("membership.disable", "root"),
    ]


def test_an_administrator_withdraws_an_invitation(
    as_administrator: Client, as_staff: Client, laboratory: Laboratory, dora: User
) -> None:
    invitation = Invitation.objects.create(
        laboratory=laboratory,
        role=Role.TECHNICIAN,
        note="the new colleague",
        sha256="cd" * 32,
        invited_by=dora,
        expires_at=timezone.now() + timedelta(days=1),
    )
    name = "admin:predictions_invitation_changelist"
    act(as_staff, "withdraw", invitation, name=name)
    assert Invitation.objects.open().exists()
    said = act(as_administrator, "withdraw", invitation, name=name)
    assert "1 of 1 no longer open." in said
    assert not Invitation.objects.open().exists()
    assert AuditEvent.objects.get(action="invitation.revoke").actor == "ada"
