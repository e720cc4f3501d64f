"""Accounts: a superuser's to change, on record; staff gain nothing."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.test import Client
from django.urls import reverse

from predictions.models import AuditEvent, Laboratory, Role
from predictions.services.laboratories import add_member
from tests.predictions.admin.conftest import make_staff, sign_in

PASSWORD = "a long enough phrase"
# What CVAT let staff write (CVE-2026-23526), and everything else that an account has.
WISHED = {
    "is_superuser": "on",
    "is_staff": "on",
    "groups": "1",
    "user_permissions": "1",
    "password": PASSWORD,
    "username": "mallory",
    "email": "mallory@example.org",
    "first_name": "Mallory",
    "last_name": "Mallory",
    "is_active": "",
    "last_login_0": "2020-01-01",
    "date_joined_0": "2020-01-01",
}
KEPT = {
    "username": "",
    "is_active": "on",
    "date_joined_0": "2026-01-01",
    "date_joined_1": "0:0",
}


def facts() -> list[object]:
    """All that is on record of every account; read it after signing in."""
    rights = User.objects.values_list("pk", "groups", "user_permissions")
    return [
        *User.objects.order_by("pk").values(),
        *rights.order_by("pk", "groups", "user_permissions"),
    ]


@pytest.fixture
def mighty(laboratory: Laboratory) -> User:
    """Staff who administer the laboratory, with every permission of Django's."""
    Group.objects.create(pk=1, name="keepers")
    person = make_staff("sue", laboratory, Role.ADMINISTRATOR)
    person.user_permissions.set(Permission.objects.all())
    return person


@pytest.mark.parametrize("field", WISHED)
@pytest.mark.parametrize("whom", ["sue", "alice", "root"])
def test_staff_change_nothing_of_an_account(
    mighty: User, alice: User, root: User, whom: str, field: str
) -> None:
    client, before = sign_in(mighty), facts()
    person = User.objects.get(username=whom)
    wished = KEPT | {"username": whom} | {field: WISHED[field]}
    address = reverse("admin:auth_user_change", args=[person.pk])
    assert client.post(address, wished).status_code == 403
    assert facts() == before


def test_staff_cannot_set_a_password(mighty: User, alice: User, root: User) -> None:
    client, before = sign_in(mighty), facts()
    for person in (mighty, alice, root):
        wished = {"password1": PASSWORD, "password2": PASSWORD}
        address = reverse("admin:auth_user_password_change", args=[person.pk])
        assert client.post(address, wished).status_code == 403
    assert facts() == before


def test_staff_neither_add_nor_delete_people(mighty: User, alice: User) -> None:
    client, before = sign_in(mighty), facts()
    wished = {"username": "erin", "password1": PASSWORD, "password2": PASSWORD}
    assert client.post(reverse("admin:auth_user_add"), wished).status_code == 403
    delete = reverse("admin:auth_user_delete", args=[alice.pk])
    assert client.post(delete, {"post": "yes"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [alice.pk]}
    client.post(reverse("admin:auth_user_changelist"), chosen | {"post": "yes"})
    assert facts() == before


def test_staff_do_not_set_permissions_through_groups(as_root: Client) -> None:
    assert as_root.get("/admin/auth/group/").status_code == 404


def test_staff_see_the_people_of_their_laboratories(
    mighty: User, alice: User, charlie: User, root: User
) -> None:
    client = sign_in(mighty)
    shown = client.get(reverse("admin:auth_user_changelist")).content.decode()
    assert "alice" in shown
    assert "charlie" not in shown
    assert "root" not in shown
    page = reverse("admin:auth_user_change", args=[charlie.pk])
    assert client.get(page).status_code == 302
    page = reverse("admin:auth_user_change", args=[alice.pk])
    assert "alice" in client.get(page).content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "password__startswith=p",
        "email__contains=a",
        "memberships__laboratory__name__startswith=S",
        "is_staff__in=0,1&last_login__isnull=1",
    ],
)
def test_people_are_narrowed_by_what_is_offered_only(
    as_root: Client, alice: User, query: str
) -> None:
    address = reverse("admin:auth_user_changelist")
    assert as_root.get(f"{address}?{query}").status_code == 400
    assert as_root.get(f"{address}?is_staff__exact=0").status_code == 200


def test_a_superuser_adds_and_disables_a_person_on_record(as_root: Client) -> None:
    wished = {
        "username": "erin",
        "password1": PASSWORD,
        "password2": PASSWORD,
        "usable_password": "true",
    }
    assert as_root.post(reverse("admin:auth_user_add"), wished).status_code == 302
    erin = User.objects.get(username="erin")
    added = AuditEvent.objects.get(action="user.create")
    assert added.subject == f"user:{erin.pk}"
    change = reverse("admin:auth_user_change", args=[erin.pk])
    wished = KEPT | {"username": "erin", "is_active": ""}
    assert as_root.post(change, wished).status_code == 302
    erin.refresh_from_db()
    assert not erin.is_active
    changed = AuditEvent.objects.get(action="user.change")
    assert "Active" in str(changed.detail)
    assert PASSWORD not in str(list(AuditEvent.objects.values_list()))


def test_a_password_is_set_in_one_transaction_with_its_event(
    committed_db: str,
) -> None:
    root = User.objects.create_superuser("root")
    client, erin = sign_in(root), User.objects.create_user("erin")
    address = reverse("admin:auth_user_password_change", args=[erin.pk])
    wished = {
        "password1": PASSWORD,
        "password2": PASSWORD,
        "usable_password": "true",
        "set-password": "",
    }
    assert client.post(address, wished).status_code == 302
    erin.refresh_from_db()
    assert erin.check_password(PASSWORD)
    assert AuditEvent.objects.get().action == "user.change"


def test_no_account_is_deleted(as_root: Client, alice: User) -> None:
    delete = reverse("admin:auth_user_delete", args=[alice.pk])
    assert as_root.post(delete, {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=alice.pk).exists()


def test_a_superuser_who_works_in_a_laboratory_stays_out_of_reach(
    mighty: User, root: User, laboratory: Laboratory
) -> None:
    add_member(laboratory=laboratory, user=root, role=Role.PATHOLOGIST)
    client, before = sign_in(mighty), facts()
    address = reverse("admin:auth_user_change", args=[root.pk])
    assert client.get(address).status_code == 200
    wished = KEPT | {"username": "root", "is_superuser": ""}
    assert client.post(address, wished).status_code == 403
    assert facts() == before
