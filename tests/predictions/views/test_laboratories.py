"""A laboratory's settings and its trail, as its administrator sees them."""

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from predictions.models import AuditEvent, Case, Image, Laboratory, Role
from predictions.services.audit import check_tail
from predictions.services.people import invite
from tests import servers
from tests.predictions.records import make_image, make_person


@pytest.fixture
def settings_page(laboratory: Laboratory) -> str:
    return reverse("laboratory-settings", args=[laboratory.pk])


@pytest.fixture
def trail(laboratory: Laboratory) -> str:
    return reverse("laboratory-audit", args=[laboratory.pk])


def text_of(client: Client, address: str, **query: str) -> str:
    return client.get(address, query).content.decode()


WISH = {
    "default_spacing_um": "0.25",
    "retention_days": "3650",
    "may_fetch": "on",
    "fetch_hosts": "Slides.Example.org\n\nimages.example.org:8443\r\n",
}


def test_settings_are_saved_on_record(
    as_dora: Client, laboratory: Laboratory, settings_page: str
) -> None:
    answer = as_dora.post(settings_page, WISH, follow=True)
    assert "The settings are saved." in answer.content.decode()
    laboratory.refresh_from_db()
    assert (laboratory.default_spacing_um, laboratory.retention_days) == (0.25, 3650)
    assert laboratory.may_fetch
    assert laboratory.fetch_hosts == ["images.example.org:8443", "slides.example.org"]
    event = AuditEvent.objects.get(action="laboratory.change")
    assert (event.laboratory, event.actor) == (laboratory, "dora")
    assert event.detail["retention_days"] == 3650
    answer = as_dora.post(settings_page, WISH, follow=True)
    assert "Nothing changed." in answer.content.decode()
    assert AuditEvent.objects.filter(action="laboratory.change").count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("default_spacing_um", "0"),
        ("default_spacing_um", "nan"),
        ("retention_days", "0"),
        ("retention_days", "100001"),
        ("retention_days", "-3"),
        ("fetch_hosts", "http://example.org"),
        ("fetch_hosts", "example.org/path"),
        ("fetch_hosts", "a@example.org"),
        ("fetch_hosts", "127.0.0.1"),
        ("fetch_hosts", "[::1]"),
        ("fetch_hosts", "localhost"),
        ("fetch_hosts", "example.org:0"),
        ("fetch_hosts", "example.org:65536"),
        ("fetch_hosts", "*.example.org"),
        ("fetch_hosts", "-a.example.org"),
        ("fetch_hosts", "a..example.org"),
        ("fetch_hosts", "\n".join(f"host{n}.example.org" for n in range(101))),
    ],
)
def test_unfit_settings_are_not_saved(
    as_dora: Client, laboratory: Laboratory, settings_page: str, field: str, value: str
) -> None:
    answer = as_dora.post(settings_page, WISH | {field: value})
    assert answer.status_code == 422
    assert 'class="errors"' in answer.content.decode()
    laboratory.refresh_from_db()
    assert laboratory.retention_days is None


def test_the_quota_is_not_the_laboratory_s_to_change(
    as_dora: Client, laboratory: Laboratory, settings_page: str
) -> None:
    as_dora.post(settings_page, WISH | {"quota_bytes": "1", "name": "West"})
    laboratory.refresh_from_db()
    assert (laboratory.quota_bytes, laboratory.name) == (50 * 1000**3, "North")


def test_storage_is_said_with_units(
    as_dora: Client, case: Case, alice: User, settings_page: str
) -> None:
    make_image(case, alice, size_bytes=12_300_000_000)
    page = text_of(as_dora, settings_page)
    assert "<strong>12.3 GB</strong> of 50 GB used" in page
    Laboratory.objects.update(quota_bytes=12_300_000_000)
    assert "uploads are refused" in text_of(as_dora, settings_page)
    Image.objects.update(purged_at=timezone.now())
    assert "<strong>0 bytes</strong>" in text_of(as_dora, settings_page)


# --- The trail --------------------------------------------------------------------


def test_the_trail_is_shown_newest_first_with_its_head(
    as_dora: Client, case: Case, trail: str
) -> None:
    page = text_of(as_dora, trail)
    head = AuditEvent.objects.chain(case.laboratory).last()
    assert head
    assert page.index("case.open") < page.index("laboratory.create")
    assert head.hash in page
    assert "the chain holds" in page
    assert " UTC</time>" in page


def test_it_is_narrowed_by_action_actor_subject_and_day(
    as_dora: Client, case: Case, dora: User, trail: str
) -> None:
    laboratory = case.laboratory
    invite(laboratory=laboratory, role=Role.TECHNICIAN, note="Ida", invited_by=dora)
    day = timezone.localdate().isoformat()

    def found(**query: str) -> list[str]:
        events = as_dora.get(trail, query).context["page"].object_list
        return [event.action for event in events]

    assert found(action="case.open") == ["case.open"]
    assert found(actor="dora") == ["invitation.make"]
    assert found(subject=f"case:{case.pk}") == ["case.open"]
    assert found(subject=str(case.pk)) == ["case.open"]
    assert found(subject="1") == []
    assert len(found(since=day, until=day)) == len(found())
    assert found(since="2999-01-01") == []
    assert found(until="2001-01-01") == []
    assert found(action="case.open", actor="dora") == []
    assert "No event is like that" in text_of(as_dora, trail, actor="nobody")


@pytest.mark.parametrize(
    "query",
    [
        {"since": "9999-12-31"},
        {"until": "0001-01-01"},
        {"since": "yesterday"},
        {"action": "no.such"},
        {"actor": "x" * 200},
        {"page": "x"},
        {"page": "99999999999999999999"},
        {"subject": "\x00"},
    ],
)
def test_a_strange_question_breaks_nothing(
    as_dora: Client, case: Case, trail: str, query: dict[str, str]
) -> None:
    assert as_dora.get(trail, query).status_code == 200


def test_it_is_paged_and_the_question_is_kept(
    as_dora: Client, laboratory: Laboratory, trail: str
) -> None:
    for number in range(60):
        make_person(f"person {number}", laboratory, Role.TECHNICIAN)
    page = text_of(as_dora, trail, action="membership.set")
    assert "Page 1 of 2" in page
    assert "?action=membership.set&amp;page=2" in page
    assert "Page 2 of 2" in text_of(as_dora, trail, action="membership.set", page="2")


def test_another_laboratory_s_events_are_not_among_them(
    as_dora: Client, charlie: User, trail: str
) -> None:
    assert f"user:{charlie.pk}" not in text_of(as_dora, trail)


def test_a_broken_chain_is_said_in_words(committed_db: str) -> None:
    laboratory = Laboratory.objects.create(name="North")
    for name in ("dora", "erin", "frank"):
        make_person(name, laboratory, Role.ADMINISTRATOR)
    name = str(connection.settings_dict["NAME"])
    with servers.postgres().connect(name) as server, server.cursor() as cursor:
        cursor.execute("ALTER TABLE predictions_auditevent DISABLE TRIGGER USER")
        cursor.execute(
            "UPDATE predictions_auditevent SET actor = 'x' WHERE sequence = 2"
        )
    client = Client()
    client.force_login(User.objects.get(username="dora"))
    page = text_of(client, reverse("laboratory-audit", args=[laboratory.pk]))
    assert "The chain is broken: event 2 was changed." in page
    assert "verify_audit" in page


def test_only_the_newest_links_are_recomputed(laboratory: Laboratory) -> None:
    for number in range(5):
        make_person(f"person {number}", laboratory, Role.TECHNICIAN)
    whole, part = (check_tail(laboratory=laboratory, most=most) for most in (100, 3))
    assert whole
    assert part
    assert (whole.checked, part.checked) == (6, 3)
    assert whole.head == part.head
    assert whole.broken is part.broken is None
    assert check_tail(laboratory=Laboratory(name="none yet")) is None
