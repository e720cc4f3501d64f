"""A laboratory's people, as its administrator sees them."""

import re

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from predictions.models import Invitation, Laboratory, Membership, Role
from predictions.services.people import disable_member, invite
from tests.predictions.records import make_person


def membership_of(user: User) -> Membership:
    return Membership.objects.get(user=user)


def address(name: str, membership: Membership) -> str:
    return reverse(name, args=[membership.laboratory_id, membership.pk])


def text_of(client: Client, address: str) -> str:
    return client.get(address).content.decode()


@pytest.fixture
def members(laboratory: Laboratory) -> str:
    return reverse("member-list", args=[laboratory.pk])


def test_the_list_says_role_state_and_last_sign_in(
    as_dora: Client, alice: User, bob: User, charlie: User, dora: User, members: str
) -> None:
    disable_member(membership=membership_of(bob), disabled_by=dora)
    page = text_of(as_dora, members)
    rows = {name: row_of(page, name) for name in ("alice", "bob", "dora")}
    assert "Technician" in rows["alice"]
    assert "active" in rows["alice"]
    assert "never" in rows["alice"]
    assert "Disable<" in rows["alice"]
    assert "disabled" in rows["bob"]
    assert "Enable<" in rows["bob"]
    assert "(you)" in rows["dora"]
    assert "Disable" not in rows["dora"]
    assert "<time" in rows["dora"]
    assert "charlie" not in page


def row_of(page: str, name: str) -> str:
    return next(row for row in page.split("<tr>") if re.search(rf">\s*{name}\s", row))


def test_a_role_is_changed(as_dora: Client, alice: User, members: str) -> None:
    form = address("member-role", membership_of(alice))
    held = re.search(r'value="(\w+)"[^>]* checked', text_of(as_dora, form))
    assert held
    assert held[1] == "technician"
    answer = as_dora.post(form, {"role": "pathologist"}, follow=True)
    assert answer.redirect_chain == [(members, 302)]
    assert "alice: the role is pathologist now." in answer.content.decode()
    assert membership_of(alice).role == Role.PATHOLOGIST


@pytest.mark.parametrize("role", ["", "root", "superuser"])
def test_no_other_role_can_be_given(as_dora: Client, alice: User, role: str) -> None:
    form = address("member-role", membership_of(alice))
    assert as_dora.post(form, {"role": role}).status_code == 422
    assert membership_of(alice).role == Role.TECHNICIAN


def test_disabling_and_enabling_are_asked_first(
    as_dora: Client, as_alice: Client, alice: User
) -> None:
    membership = membership_of(alice)
    disable = address("member-disable", membership)
    page = text_of(as_dora, disable)
    assert "Disable alice in North?" in page
    assert "at once" in page
    assert membership_of(alice).is_active
    answer = as_dora.post(disable, follow=True)
    assert "alice is disabled." in answer.content.decode()
    assert as_alice.get("/cases/").status_code == 302
    enable = address("member-enable", membership)
    assert "come back as technician" in text_of(as_dora, enable)
    as_dora.post(enable)
    assert membership_of(alice).is_active


@pytest.mark.parametrize("name", ["member-disable", "member-enable"])
def test_no_to_oneself_is_said_on_the_page(
    as_dora: Client, dora: User, name: str
) -> None:
    answer = as_dora.post(address(name, membership_of(dora)))
    assert answer.status_code == 403
    assert "Ask another administrator" in answer.content.decode()


def test_no_to_the_last_administrator_is_said_on_the_page(
    client: Client, dora: User
) -> None:
    client.force_login(User.objects.create_superuser("root"))
    form = address("member-role", membership_of(dora))
    said = client.post(form, {"role": "technician"})
    assert said.status_code == 422
    assert "dora is the last administrator of North" in said.content.decode()
    said = client.post(address("member-disable", membership_of(dora)))
    assert said.status_code == 409
    assert "dora is the last administrator of North" in said.content.decode()


def test_a_member_of_another_laboratory_is_not_there(
    as_dora: Client, charlie: User, laboratory: Laboratory
) -> None:
    theirs = membership_of(charlie)
    for name in ("member-role", "member-disable", "member-enable"):
        here = reverse(name, args=[laboratory.pk, theirs.pk])
        assert as_dora.post(here, {"role": "technician"}).status_code == 404
    assert membership_of(charlie).is_active


def test_a_link_is_made_shown_once_and_revoked(
    as_dora: Client, laboratory: Laboratory, members: str
) -> None:
    new = reverse("invitation-new", args=[laboratory.pk])
    page = as_dora.post(new, {"note": "Ida", "role": "pathologist"}).content.decode()
    link = re.search(r'value="http://testserver(/invitations/[^"]+)"', page)
    assert link
    assert Client().get(link[1]).status_code == 200
    listed = text_of(as_dora, members)
    assert "Ida" in listed
    assert link[1] not in listed
    revoke = reverse(
        "invitation-revoke", args=[laboratory.pk, Invitation.objects.get().pk]
    )
    assert revoke in listed
    as_dora.post(revoke)
    assert Client().get(link[1]).status_code == 404
    assert revoke not in text_of(as_dora, members)
    assert as_dora.post(revoke).status_code == 404


@pytest.mark.parametrize(
    "said", [{"note": "", "role": "technician"}, {"note": "Ida", "role": "root"}]
)
def test_an_unclear_invitation_is_not_made(
    as_dora: Client, laboratory: Laboratory, said: dict[str, str]
) -> None:
    new = reverse("invitation-new", args=[laboratory.pk])
    assert as_dora.post(new, said).status_code == 422
    assert not Invitation.objects.exists()


def test_markup_in_a_note_is_only_text(
    as_dora: Client, dora: User, laboratory: Laboratory, members: str
) -> None:
    note = "<script>alert(1)</script>"
    invite(laboratory=laboratory, role=Role.TECHNICIAN, note=note, invited_by=dora)
    assert note not in text_of(as_dora, members)
    assert "&lt;script&gt;" in text_of(as_dora, members)


# --- The way there ----------------------------------------------------------------


def test_the_frame_offers_the_laboratory_to_its_administrators_only(
    as_alice: Client, as_dora: Client, members: str
) -> None:
    assert "/laboratories/" in text_of(as_dora, "/cases/")
    assert "/laboratories/" not in text_of(as_alice, "/cases/")
    assert as_dora.get("/laboratories/")["Location"] == members
    assert "You look after no laboratory" in text_of(as_alice, "/laboratories/")


def test_a_superuser_chooses_among_all(
    client: Client, laboratory: Laboratory, elsewhere: Laboratory
) -> None:
    client.force_login(User.objects.create_superuser("root"))
    page = text_of(client, "/laboratories/")
    assert "North" in page
    assert "South" in page


def test_of_two_laboratories_one_chooses_the_administered(
    as_dora: Client, dora: User, elsewhere: Laboratory
) -> None:
    Membership.objects.create(user=dora, laboratory=elsewhere, role=Role.TECHNICIAN)
    assert as_dora.get("/laboratories/").status_code == 302
    there = reverse("member-list", args=[elsewhere.pk])
    assert as_dora.get(there).status_code == 403


def test_a_list_takes_few_queries_however_long(
    as_dora: Client,
    laboratory: Laboratory,
    members: str,
    django_assert_max_num_queries: object,
) -> None:
    for number in range(20):
        make_person(f"person {number}", laboratory, Role.TECHNICIAN)
    with django_assert_max_num_queries(12):  # type: ignore[operator]  # A fixture without types.
        as_dora.get(members)
