"""Laboratory staff see what the portal would show them, and no more."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from predictions.models import Case, Invitation, Laboratory, Membership, Role
from predictions.services.cases import open_case
from tests.predictions.admin.conftest import make_staff, sign_in
from tests.predictions.admin.test_windows import KEEPER_ONLY, MODELS, list_of, rows_of
from tests.predictions.records import make_image, make_prediction

SCOPED = sorted(set(MODELS) - set(KEEPER_ONLY))


@pytest.fixture
def theirs(charlie: User, elsewhere: Laboratory) -> Case:
    """A case of the other laboratory, with an answer."""
    case = open_case(
        laboratory=elsewhere,
        opened_by=charlie,
        accession_number="X26-0666",
        patient_code="P-0666",
    )
    make_prediction(make_image(case, charlie))
    return case


@pytest.fixture
def administrator(laboratory: Laboratory) -> User:
    return make_staff("ada", laboratory, Role.ADMINISTRATOR)


def test_staff_see_their_cases_without_any_permission_ticked(
    as_staff: Client, case: Case, theirs: Case
) -> None:
    shown = as_staff.get(list_of("case")).content.decode()
    assert "S26-0001" in shown
    assert "X26-0666" not in shown


@pytest.mark.parametrize("name", sorted(set(SCOPED) - {"modelversion", "apitoken"}))
def test_nothing_of_another_laboratory_is_there_by_id(
    as_staff: Client, theirs: Case, name: str
) -> None:
    rows = rows_of(name)
    for row in rows:
        address = reverse(f"admin:predictions_{name}_change", args=[row.pk])
        answer = as_staff.get(address)
        mine = name in {"laboratory", "membership"} and "North" in str(row)
        assert answer.status_code == (200 if mine else 302)


@pytest.mark.parametrize("name", MODELS)
def test_who_was_disabled_sees_nothing(
    staff: User, as_staff: Client, case: Case, name: str
) -> None:
    """Out at once, unless another laboratory is left."""
    staff.user_permissions.set(Permission.objects.all())
    assert as_staff.get(list_of("case")).status_code == 200
    Membership.objects.filter(user=staff).update(is_active=False)
    answer = as_staff.get(list_of(name))
    assert answer.status_code == 302
    assert answer["Location"].startswith("/admin/login/")


@pytest.mark.parametrize("name", MODELS)
def test_permissions_without_a_membership_show_nothing(
    staff: User, as_staff: Client, case: Case, name: str
) -> None:
    staff.user_permissions.set(Permission.objects.all())
    Membership.objects.filter(user=staff).delete()
    assert as_staff.get(list_of(name)).status_code == 403
    index = as_staff.get(reverse("admin:index")).content.decode()
    assert "permission to view or edit anything" in index


def test_who_is_disabled_in_one_of_two_laboratories_sees_the_other_alone(
    staff: User,
    as_staff: Client,
    case: Case,
    theirs: Case,
    elsewhere: Laboratory,
) -> None:
    Membership.objects.create(user=staff, laboratory=elsewhere, role=Role.PATHOLOGIST)
    Membership.objects.filter(user=staff).exclude(laboratory=elsewhere).update(
        is_active=False
    )
    shown = as_staff.get(list_of("case")).content.decode()
    assert "X26-0666" in shown
    assert "S26-0001" not in shown


def test_the_index_offers_staff_what_they_may_see(as_staff: Client) -> None:
    shown = as_staff.get(reverse("admin:index")).content.decode()
    assert list_of("case") in shown
    for name in KEEPER_ONLY:
        assert list_of(name) not in shown
    assert "/add/" not in shown


def test_trail_and_invitations_are_the_administrator_s_business(
    as_staff: Client, administrator: User, alice: User, case: Case
) -> None:
    Invitation.objects.create(
        laboratory=case.laboratory,
        role=Role.TECHNICIAN,
        note="the new colleague",
        sha256="cd" * 32,
        invited_by=alice,
        expires_at=timezone.now() + timedelta(days=1),
    )
    as_administrator = sign_in(administrator)
    for name, words in (("auditevent", "case.open"), ("invitation", "new colleague")):
        assert words in as_administrator.get(list_of(name)).content.decode()
        assert words not in as_staff.get(list_of(name)).content.decode()


def test_an_autocomplete_finds_nobody_of_another_laboratory(
    administrator: User, alice: User, charlie: User
) -> None:
    asked = {
        "app_label": "predictions",
        "model_name": "membership",
        "field_name": "user",
        "term": "",
    }
    answer = sign_in(administrator).get(reverse("admin:autocomplete"), asked)
    found = {row["text"] for row in answer.json()["results"]}
    assert "alice" in found
    assert "charlie" not in found


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("case", "laboratory__name__startswith=S"),
        ("case", "patient__code__startswith=P"),
        ("case", "assignee__password__startswith=p"),
        ("case", "laboratory__memberships__user__username=charlie"),
        ("prediction", "model_version__sha256__startswith=a"),
        ("membership", "user__password__startswith=p"),
        ("auditevent", "hash__startswith=a"),
        ("case", "accession_number__startswith=S"),
    ],
)
def test_nothing_is_guessed_through_a_filter(
    as_staff: Client, case: Case, name: str, query: str
) -> None:
    assert as_staff.get(f"{list_of(name)}?{query}").status_code == 400


@pytest.mark.parametrize("order", ["password", "99", "created_by__password", "-1.x"])
def test_a_list_is_ordered_by_its_columns_only(
    as_staff: Client, case: Case, order: str
) -> None:
    response = as_staff.get(list_of("case"), {"o": order})
    assert response.status_code == 200
    assert "password" not in str(response.context["cl"].queryset.query.order_by)


def test_a_search_looks_nowhere_but_where_it_says(
    as_staff: Client, case: Case, staff: User
) -> None:
    assert "S26-0001" in as_staff.get(list_of("case"), {"q": "0001"}).content.decode()
    for term in ("alice", str(case.created_by.password), "North"):
        found = as_staff.get(list_of("case"), {"q": term}).context["cl"].queryset
        assert not found.exists()
