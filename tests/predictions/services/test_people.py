"""Who comes to a laboratory, as what, and who may not any more."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from predictions.models import (
    AuditEvent,
    Case,
    Invitation,
    Laboratory,
    Membership,
    Role,
    let_in,
)
from predictions.services.errors import ConflictError, NotAllowedError, ServiceError
from predictions.services.laboratories import add_member, create_laboratory
from predictions.services.people import (
    InvitationGoneError,
    UnfitAccountError,
    accept_invitation,
    change_role,
    disable_member,
    enable_member,
    invite,
    join_by_invitation,
    revoke_invitation,
)
from predictions.services.tokens import find_token, issue_token
from tests.predictions.records import make_person
from tests.threads import all_at_once

PASSWORD = "correct horse battery staple"


@pytest.fixture
def gina(db: None) -> User:
    """Has an account, and belongs nowhere yet."""
    return User.objects.create_user("gina")


@pytest.fixture
def root(db: None) -> User:
    return User.objects.create_superuser("root")


def membership_of(user: User) -> Membership:
    return Membership.objects.get(user=user)


def link(laboratory: Laboratory, by: User, role: Role = Role.PATHOLOGIST) -> str:
    _, secret = invite(laboratory=laboratory, role=role, note="Gina", invited_by=by)
    return secret


def is_let_in(user: User) -> bool:
    return User.objects.filter(let_in(), pk=user.pk).exists()


# --- Invitations ----------------------------------------------------------------


def test_an_invitation_makes_a_member(
    laboratory: Laboratory, dora: User, gina: User
) -> None:
    membership = accept_invitation(secret=link(laboratory, dora), user=gina)
    assert (membership.laboratory, membership.role) == (laboratory, Role.PATHOLOGIST)
    events = AuditEvent.objects.filter(subject__startswith="invitation:")
    assert [event.action for event in events.order_by("sequence")] == [
        "invitation.make",
        "invitation.accept",
    ]
    assert events.get(action="invitation.accept").actor == "gina"


def test_the_link_is_kept_nowhere(laboratory: Laboratory, dora: User) -> None:
    secret = link(laboratory, dora)
    assert len(secret) >= 43  # 256 bits, in base 64.
    kept = [*Invitation.objects.values_list(), *AuditEvent.objects.values_list()]
    assert secret not in str(kept)
    assert "Gina" not in str([*AuditEvent.objects.values_list()])


def test_an_invitation_works_once(
    laboratory: Laboratory, dora: User, gina: User, charlie: User
) -> None:
    secret = link(laboratory, dora)
    accept_invitation(secret=secret, user=gina)
    with pytest.raises(InvitationGoneError):
        accept_invitation(secret=secret, user=charlie)
    assert not laboratory.memberships.filter(user=charlie).exists()


def test_of_two_parallel_uses_one_wins(committed_db: str) -> None:
    laboratory = create_laboratory(name="North")
    secret = link(laboratory, make_person("dora", laboratory, Role.ADMINISTRATOR))
    people = [User.objects.create_user(f"person {number}") for number in range(6)]

    def use(person: User) -> bool:
        try:
            accept_invitation(secret=secret, user=person)
        except InvitationGoneError:
            return False
        return True

    won = all_at_once([partial(use, person) for person in people])
    assert won.count(True) == 1
    assert laboratory.memberships.filter(role=Role.PATHOLOGIST).count() == 1


def test_an_expired_invitation_is_gone(
    laboratory: Laboratory, dora: User, gina: User
) -> None:
    secret = link(laboratory, dora)
    life = Invitation.objects.get().expires_at - timezone.now()
    assert timedelta(days=6, hours=23) < life <= timedelta(days=7)
    Invitation.objects.update(expires_at=timezone.now())
    with pytest.raises(InvitationGoneError):
        accept_invitation(secret=secret, user=gina)


def test_a_revoked_invitation_is_gone(
    laboratory: Laboratory, dora: User, gina: User
) -> None:
    secret = link(laboratory, dora)
    for _ in range(2):
        revoke_invitation(invitation=Invitation.objects.get(), revoked_by=dora)
    with pytest.raises(InvitationGoneError):
        accept_invitation(secret=secret, user=gina)
    assert AuditEvent.objects.filter(action="invitation.revoke").count() == 1


def test_an_unknown_secret_is_gone(gina: User) -> None:
    for secret in ("", "guess", "\udcff\x00"):
        with pytest.raises(InvitationGoneError):
            accept_invitation(secret=secret, user=gina)


def test_a_member_does_not_use_a_link_up(
    laboratory: Laboratory, alice: User, dora: User, gina: User
) -> None:
    secret = link(laboratory, dora, Role.ADMINISTRATOR)
    with pytest.raises(ConflictError, match="belong to North already"):
        accept_invitation(secret=secret, user=alice)
    assert membership_of(alice).role == Role.TECHNICIAN
    assert accept_invitation(secret=secret, user=gina).user == gina


def test_a_link_does_not_undo_a_disabling(
    laboratory: Laboratory, alice: User, dora: User
) -> None:
    secret = link(laboratory, dora)
    disable_member(membership=membership_of(alice), disabled_by=dora)
    with pytest.raises(ConflictError):
        accept_invitation(secret=secret, user=alice)
    assert not membership_of(alice).is_active


@pytest.mark.parametrize("how", ["disabled", "demoted"])
def test_who_may_not_invite_any_more_has_no_open_links(
    laboratory: Laboratory, dora: User, gina: User, how: str
) -> None:
    boss = make_person("boss", laboratory, Role.ADMINISTRATOR)
    theirs, kept = link(laboratory, dora), link(laboratory, boss)
    if how == "disabled":
        disable_member(membership=membership_of(dora), disabled_by=boss)
    else:
        change_role(
            membership=membership_of(dora), role=Role.TECHNICIAN, changed_by=boss
        )
    with pytest.raises(InvitationGoneError):
        accept_invitation(secret=theirs, user=gina)
    accept_invitation(secret=kept, user=gina)


def test_somebody_new_joins_with_a_name_and_a_password(
    laboratory: Laboratory, dora: User
) -> None:
    secret = link(laboratory, dora)
    henry = join_by_invitation(secret=secret, username="henry", password=PASSWORD)
    assert henry.check_password(PASSWORD)
    assert membership_of(henry).role == Role.PATHOLOGIST
    assert not henry.is_staff
    assert not henry.is_superuser
    with pytest.raises(InvitationGoneError):
        join_by_invitation(secret=secret, username="ida", password=PASSWORD)
    assert not User.objects.filter(username="ida").exists()


@pytest.mark.parametrize(
    ("username", "password", "field"),
    [
        ("ALICE", PASSWORD, "username"),
        ("", PASSWORD, "username"),
        ("a b", PASSWORD, "username"),
        ("x" * 151, PASSWORD, "username"),
        ("henry", "12345678", "password"),
        ("henry", "henry123", "password"),
        ("henry", "", "password"),
    ],
)
def test_an_unfit_account_leaves_the_link_as_it_was(
    laboratory: Laboratory,
    alice: User,
    dora: User,
    username: str,
    password: str,
    field: str,
) -> None:
    secret = link(laboratory, dora)
    with pytest.raises(UnfitAccountError) as refused:
        join_by_invitation(secret=secret, username=username, password=password)
    assert refused.value.field == field
    join_by_invitation(secret=secret, username="henry", password=PASSWORD)


def test_nobody_learns_of_names_without_a_link(alice: User) -> None:
    with pytest.raises(InvitationGoneError):
        join_by_invitation(secret="guess", username="alice", password=PASSWORD)


# --- Who decides ----------------------------------------------------------------


def decisions(membership: Membership, by: User) -> list[Callable[[], object]]:
    laboratory = membership.laboratory
    waiting = Invitation.objects.filter(laboratory=laboratory).first()
    assert waiting
    return [
        partial(
            invite,
            laboratory=laboratory,
            role=Role.TECHNICIAN,
            note="Ida",
            invited_by=by,
        ),
        partial(revoke_invitation, invitation=waiting, revoked_by=by),
        partial(
            change_role, membership=membership, role=Role.PATHOLOGIST, changed_by=by
        ),
        partial(disable_member, membership=membership, disabled_by=by),
        partial(enable_member, membership=membership, enabled_by=by),
    ]


@pytest.mark.parametrize("who", ["bob", "charlie", "foreign", "disabled", "left"])
def test_nobody_else_decides(
    laboratory: Laboratory,
    elsewhere: Laboratory,
    alice: User,
    bob: User,
    charlie: User,
    dora: User,
    who: str,
) -> None:
    """Not a pathologist, not another laboratory's administrator, not a former one."""
    link(laboratory, dora)
    person = {"bob": bob, "charlie": charlie}.get(who)
    if person is None:
        person = make_person(who, laboratory, Role.ADMINISTRATOR)
        if who == "foreign":
            Membership.objects.filter(user=person).update(laboratory=elsewhere)
        elif who == "disabled":
            Membership.objects.filter(user=person).update(is_active=False)
        else:
            User.objects.filter(pk=person.pk).update(is_active=False)
            person.refresh_from_db()
    for decide in decisions(membership_of(alice), person):
        with pytest.raises(NotAllowedError, match="Ask an administrator of North"):
            decide()
    assert membership_of(alice).role == Role.TECHNICIAN
    assert membership_of(alice).is_active
    assert Invitation.objects.open().count() == 1


def test_a_superuser_decides_everywhere(
    laboratory: Laboratory, alice: User, dora: User, root: User
) -> None:
    link(laboratory, dora)
    for decide in decisions(membership_of(alice), root):
        decide()
    assert membership_of(alice).role == Role.PATHOLOGIST
    assert membership_of(alice).is_active


def test_a_role_is_changed_on_record(
    laboratory: Laboratory, alice: User, dora: User
) -> None:
    for _ in range(2):
        change_role(
            membership=membership_of(alice), role=Role.PATHOLOGIST, changed_by=dora
        )
    events = AuditEvent.objects.filter(subject=f"user:{alice.pk}", actor="dora")
    assert [event.detail for event in events] == [
        {"role": "pathologist", "before": "technician"}
    ]


@pytest.mark.parametrize("number", [2, 3, 4])
def test_nobody_decides_about_themselves(
    laboratory: Laboratory, dora: User, number: int
) -> None:
    make_person("boss", laboratory, Role.ADMINISTRATOR)
    link(laboratory, dora)
    with pytest.raises(NotAllowedError, match="Ask another administrator"):
        decisions(membership_of(dora), dora)[number]()


@pytest.mark.parametrize("number", [2, 3])
def test_the_last_administrator_stays(
    laboratory: Laboratory, dora: User, root: User, number: int
) -> None:
    """Others there may be, but disabled themselves."""
    link(laboratory, dora)
    former = make_person("former", laboratory, Role.ADMINISTRATOR)
    disable_member(membership=membership_of(former), disabled_by=dora)
    gone = make_person("gone", laboratory, Role.ADMINISTRATOR)
    User.objects.filter(pk=gone.pk).update(is_active=False)
    with pytest.raises(ConflictError, match="dora is the last administrator of North"):
        decisions(membership_of(dora), root)[number]()
    assert membership_of(dora).role == Role.ADMINISTRATOR


def test_two_administrators_cannot_disable_each_other(committed_db: str) -> None:
    laboratory = create_laboratory(name="North")
    pair = [
        make_person(name, laboratory, Role.ADMINISTRATOR) for name in ("dora", "boss")
    ]

    def disable(victim: User, by: User) -> bool:
        try:
            disable_member(membership=membership_of(victim), disabled_by=by)
        except ServiceError:
            return False
        return True

    one, other = pair
    done = all_at_once([partial(disable, one, other), partial(disable, other, one)])
    assert sorted(done) == [False, True]
    assert Membership.objects.administrators().count() == 1


# --- Who is let in --------------------------------------------------------------


def test_a_disabled_member_is_not_let_in_and_an_enabled_one_is(
    alice: User, dora: User, case: Case
) -> None:
    _, secret = issue_token(user=alice, name="scanner")
    disable_member(membership=membership_of(alice), disabled_by=dora)
    assert not is_let_in(alice)
    assert find_token(secret=secret) is None
    assert not Case.objects.visible_to(alice).exists()
    enable_member(membership=membership_of(alice), enabled_by=dora)
    assert is_let_in(alice)
    assert find_token(secret=secret) is not None
    actions = AuditEvent.objects.filter(subject=f"user:{alice.pk}", actor="dora")
    assert sorted(actions.values_list("action", flat=True)) == [
        "membership.disable",
        "membership.enable",
    ]


def test_disabling_one_of_two_memberships_only_hides_that_laboratory(
    alice: User, dora: User, case: Case, elsewhere: Laboratory
) -> None:
    add_member(laboratory=elsewhere, user=alice, role=Role.TECHNICIAN)
    _, secret = issue_token(user=alice, name="scanner")
    disable_member(
        membership=alice.memberships.get(laboratory=case.laboratory), disabled_by=dora
    )
    assert is_let_in(alice)
    assert find_token(secret=secret) is not None
    assert list(Laboratory.objects.visible_to(alice)) == [elsewhere]
    assert not Case.objects.visible_to(alice).exists()


def test_who_belongs_nowhere_yet_is_let_in_and_a_closed_account_is_not(
    gina: User, root: User, laboratory: Laboratory
) -> None:
    assert is_let_in(gina)
    add_member(laboratory=laboratory, user=root, role=Role.TECHNICIAN)
    root.memberships.update(is_active=False)
    assert is_let_in(root), "a superuser keeps the installation"
    User.objects.update(is_active=False)
    assert not is_let_in(gina)
    assert not is_let_in(root)
