"""The timeline: the trail in words that a person reads."""

import re
from html import unescape
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

import predictions
from predictions.models import Analysis, AuditEvent, Case, Image, Laboratory, Priority
from predictions.services.analyses import Answer, ask_again, record_answer
from predictions.services.cases import change_case, open_case
from predictions.services.messages import post_message
from predictions.services.reviews import review_answer
from predictions.services.spacing import state_spacing
from predictions.services.withdrawals import withdraw_image
from predictions.views.timeline import UNTOLD, WORDS
from tests.predictions.records import (
    MODEL,
    make_analysis,
    make_failed,
    make_image,
    make_model_version,
)

ABOUT_CASES = ("case", "image", "analysis", "review", "message", "fetch")


def lines(client: Client, case: Case) -> list[str]:
    """What happened, the oldest first, tags and times taken out."""
    page = client.get(f"/cases/{case.pk}/").content.decode()
    told = page.split('<ol class="events" reversed>')[1].split("</ol>")[0]
    found = re.findall(r"<li>\s*<p>(.*?)</p>", told, re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]*>", "", line)).split()) for line in found][
        ::-1
    ]


def test_life_of_a_case_is_told(
    as_bob: Client, alice: User, bob: User, case: Case
) -> None:
    image = make_image(case, alice, filename="Doe.png")
    number = str(image.pk)[:8]
    asked = make_failed(image, "It was dark.")
    held = Analysis.objects.claim(ask_again(analysis=asked, asked_by=alice).pk)
    assert held is not None
    make_model_version()
    answer = Answer(MODEL, 1, "malignant", probability=0.93)
    prediction = record_answer(held=held, answer=answer)
    review_answer(
        prediction=prediction, reader=bob, verdict="not_assessable", comment="Blurred."
    )
    post_message(case=case, author=alice, text="Mrs Doe called.")
    change_case(case=case, changed_by=alice, assignee=bob)
    change_case(
        case=case,
        changed_by=bob,
        patient_code="P-Doe",
        priority=Priority.URGENT,
        training_consent="given",
    )
    change_case(case=case, changed_by=bob, assignee=None)
    withdraw_image(image=image, reason="Wrong case.", withdrawn_by=bob)
    assert lines(as_bob, case) == [
        "alice opened the case",
        f"alice asked again about image {number}",
        f"breast-mil v1 answered “malignant”, 93 %, about image {number}",
        f"bob read image {number} as “not assessable”, unlike the model",
        "alice wrote a message",
        "alice gave the case to bob",
        (
            "bob changed the patient code, made the case urgent, "
            "set the consent to training use to “given”"
        ),
        "bob took the case from themselves",
        f"bob withdrew image {number}",
    ]


def test_timeline_leads_to_the_image_and_has_the_notice(
    as_alice: Client, alice: User, case: Case
) -> None:
    image = make_image(case, alice)
    make_failed(image)
    state_spacing(image=image, spacing_um=0.25, stated_by=alice)
    page = as_alice.get(f"/cases/{case.pk}/timeline/").content.decode()
    assert f'<a href="/images/{image.pk}/">image {str(image.pk)[:8]}</a>' in page
    assert "0.25 µm/px" in page
    assert "Research use only. Not for diagnostic use." in page
    assert "<html" not in page


def test_timeline_is_sent_only_when_something_happened(
    as_alice: Client, alice: User, case: Case
) -> None:
    page = as_alice.get(f"/cases/{case.pk}/").content.decode()
    again = unescape(page.split('id="timeline"')[1].split('hx-get="')[1].split('"')[0])
    assert as_alice.get(again).status_code == 204
    change_case(case=case, changed_by=alice, priority=Priority.URGENT)
    assert "made the case urgent" in as_alice.get(again).content.decode()


def test_nothing_of_another_case_is_told(
    as_alice: Client, alice: User, case: Case, laboratory: Laboratory
) -> None:
    other = open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0002",
        patient_code="P-0001",
    )
    change_case(case=other, changed_by=alice, priority=Priority.URGENT)
    assert lines(as_alice, case) == ["alice opened the case"]


def test_long_timeline_is_cut_and_says_so(
    as_alice: Client, alice: User, case: Case, image: Image
) -> None:
    make_analysis(image)
    for number in range(101):
        for priority in (Priority.URGENT, Priority.ROUTINE):
            if number < 100 or priority == Priority.URGENT:
                change_case(case=case, changed_by=alice, priority=priority)
    told = lines(as_alice, case)
    assert len(told) == 200
    assert "alice opened the case" not in told
    page = as_alice.get(f"/cases/{case.pk}/").content.decode()
    assert "What happened before is in the audit trail" in page


def written_actions() -> set[str]:
    """Every action about a case that some service puts on the trail."""
    folder = Path(predictions.__path__[0], "services")
    kinds = "|".join(ABOUT_CASES)
    text = "".join(path.read_text() for path in folder.glob("*.py"))
    return set(re.findall(rf'"((?:{kinds})\.[a-z_]+)"', text))


@pytest.mark.parametrize("action", sorted(written_actions()))
def test_every_action_has_its_words(action: str) -> None:
    assert action in WORDS or action in UNTOLD


def test_readings_stay_in_the_trail(as_alice: Client, alice: User, case: Case) -> None:
    event = AuditEvent.objects.get(subject=f"case:{case.pk}")
    event.pk, event.action, event.sequence = None, "case.read", 99
    event.save(force_insert=True)
    assert lines(as_alice, case) == ["alice opened the case"]
