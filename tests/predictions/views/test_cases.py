import re
from html import unescape
from html.parser import HTMLParser

from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from predictions.models import Case, Laboratory, Membership, Priority
from predictions.services.cases import change_case, open_case
from predictions.services.messages import post_message
from predictions.services.reviews import review_answer
from predictions.services.withdrawals import withdraw_image
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_image,
    make_prediction,
    purge_without_files,
)

NOTICE = "Research use only. Not for diagnostic use."


def text_of(client: Client, path: str) -> str:
    """A page's text, its white space made single."""
    response = client.get(path)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def new_case(client: Client, **said: object) -> tuple[int, str]:
    fields = {
        "accession_number": " S26-0002 ",
        "patient_code": "P-2",
        "priority": "0",
        **said,
    }
    response = client.post("/cases/new/", fields)
    return response.status_code, response.content.decode()


def test_case_is_opened_in_ones_own_laboratory(
    as_alice: Client, laboratory: Laboratory
) -> None:
    status, _ = new_case(as_alice, laboratory=str(laboratory.pk))
    assert status == 302
    opened = Case.objects.get()
    assert opened.accession_number == "S26-0002"
    assert opened.patient.code == "P-2"
    assert opened.priority == Priority.URGENT
    assert opened.laboratory == laboratory


def test_case_is_not_opened_in_somebody_elses_laboratory(
    as_alice: Client, elsewhere: Laboratory
) -> None:
    status, _ = new_case(as_alice, laboratory=str(elsewhere.pk))
    assert status == 422
    assert not Case.objects.exists()


def test_second_case_of_a_number_leads_to_the_first(
    as_alice: Client, case: Case, laboratory: Laboratory
) -> None:
    status, page = new_case(
        as_alice, laboratory=str(laboratory.pk), accession_number="S26-0001"
    )
    assert status == 422
    assert "There is a case S26-0001 already" in page
    assert f'href="/cases/{case.pk}/"' in page


def test_control_characters_are_no_accession_number(
    as_alice: Client, laboratory: Laboratory
) -> None:
    status, page = new_case(
        as_alice, laboratory=str(laboratory.pk), accession_number="S26\u202e-1"
    )
    assert status == 422
    assert "letters, digits and punctuation" in page


def test_administrator_opens_no_case(as_dora: Client, laboratory: Laboratory) -> None:
    assert "Open the case" not in text_of(as_dora, "/cases/new/")
    status, _ = new_case(as_dora, laboratory=str(laboratory.pk))
    assert status == 422
    assert not Case.objects.exists()


def test_case_page_asks_for_the_spacing_and_says_the_default(
    as_alice: Client, case: Case
) -> None:
    page = text_of(as_alice, f"/cases/{case.pk}/")
    assert "or else the laboratory's default, <b>0.5 µm/px</b>" in page
    assert 'name="spacing_um" value="0.5"' in page
    assert "40× is about 0.25 µm/px" in page


def test_case_page_says_when_there_is_no_default(as_alice: Client, case: Case) -> None:
    Laboratory.objects.update(default_spacing_um=None)
    assert "Your laboratory has no default" in text_of(as_alice, f"/cases/{case.pk}/")


def test_administrator_sees_the_case_but_adds_nothing(
    as_dora: Client, case: Case
) -> None:
    page = text_of(as_dora, f"/cases/{case.pk}/")
    assert "P-0001" in page
    assert 'type="file"' not in page


def test_case_page_moves_while_something_is_unfinished(
    as_alice: Client, alice: User, case: Case
) -> None:
    analysis = make_analysis(make_image(case, alice))
    page = text_of(as_alice, f"/cases/{case.pk}/")
    assert 'hx-trigger="refresh, every 2s"' in page
    assert "0 of 1 finished" in page
    assert "Waiting" in page
    assert type(analysis).objects.cancel(analysis.pk)
    page = text_of(as_alice, f"/cases/{case.pk}/images/")
    assert 'hx-trigger="refresh"' in page
    assert "1 image, all finished" in page
    assert "Cancelled" in page
    assert "<html" not in page


def test_moving_part_is_sent_only_when_a_state_changed(
    as_alice: Client, alice: User, case: Case
) -> None:
    analysis = make_analysis(make_image(case, alice))
    page = text_of(as_alice, f"/cases/{case.pk}/")
    again = page.split('hx-get="')[1].split('"')[0]
    assert as_alice.get(again).status_code == 204
    assert type(analysis).objects.claim(analysis.pk)
    assert "Running" in text_of(as_alice, again)


def test_card_carries_the_score_with_its_model_and_notice(
    as_alice: Client, alice: User, case: Case
) -> None:
    make_prediction(make_image(case, alice), spacing_assumed=True)
    page = text_of(as_alice, f"/cases/{case.pk}/images/")
    assert "Probability of malignancy <b>93 %</b>" in page
    assert f"breast-mil v1, spacing assumed. {NOTICE}" in page


def test_case_page_takes_few_queries_however_many_images(
    as_alice: Client,
    alice: User,
    case: Case,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(30):
        image = make_image(case, alice)
        make_failed(image)
        make_prediction(image)
    with django_assert_max_num_queries(12):
        text_of(as_alice, f"/cases/{case.pk}/")


def test_filename_is_shown_to_its_uploader_alone_and_escaped(
    as_alice: Client, as_bob: Client, alice: User, case: Case
) -> None:
    image = make_image(case, alice, filename="<b>Doe, Jane</b>.png")
    make_prediction(image)
    for path in (f"/cases/{case.pk}/", f"/images/{image.pk}/"):
        mine, theirs = text_of(as_alice, path), text_of(as_bob, path)
        assert "&lt;b&gt;Doe, Jane&lt;/b&gt;.png" in mine
        assert "Doe" not in theirs
        assert f"S26-0001 · {str(image.pk)[:8]}" in theirs


# --- Facts ----------------------------------------------------------------------


def edit(client: Client, case: Case, **said: str) -> tuple[int, str]:
    """Send the form as it was shown, but for what is said."""
    page = client.get(f"/cases/{case.pk}/change/").content.decode()
    form = FilledForm(page)
    response = client.post(f"/cases/{case.pk}/change/", form.values | said)
    return response.status_code, " ".join(response.content.decode().split())


class FilledForm(HTMLParser):
    """What a browser would send back of a page's forms."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.values: dict[str, str] = {}
        self._select = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "input" and said.get("name"):
            self.values[str(said["name"])] = said.get("value") or ""
        elif tag == "select":
            self._select = str(said["name"])
        elif tag == "option" and "selected" in said:
            self.values[self._select] = said.get("value") or ""


def test_facts_are_corrected_and_the_rest_stays(
    as_alice: Client, case: Case, bob: User
) -> None:
    status, _ = edit(
        as_alice,
        case,
        accession_number="S26-0002",
        patient_code="P-2",
        priority="0",
        assignee=str(bob.pk),
        training_consent="given",
    )
    assert status == 302
    page = text_of(as_alice, f"/cases/{case.pk}/")
    for said in ("Case S26-0002", "P-2", "Urgent", " bob ", " Given "):
        assert said in page
    assert "The case was changed." in page
    status, _ = edit(as_alice, case, patient_code="P-3")
    case.refresh_from_db()
    assert (case.patient.code, case.assignee) == ("P-3", bob)


def test_what_somebody_else_changed_meanwhile_is_not_changed_back(
    as_alice: Client, bob: User, case: Case
) -> None:
    form = FilledForm(as_alice.get(f"/cases/{case.pk}/change/").content.decode())
    change_case(case=case, changed_by=bob, priority=Priority.URGENT, assignee=bob)
    as_alice.post(f"/cases/{case.pk}/change/", form.values | {"patient_code": "P-9"})
    case.refresh_from_db()
    assert (case.priority, case.assignee) == (Priority.URGENT, bob)
    assert case.patient.code == "P-9"


def test_number_of_another_case_leads_there(
    as_alice: Client, alice: User, case: Case, laboratory: Laboratory
) -> None:
    other = open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0002",
        patient_code="P-1",
    )
    status, page = edit(as_alice, case, accession_number="S26-0002")
    assert status == 422
    assert "There is a case S26-0002 already" in page
    assert f'href="/cases/{other.pk}/"' in page


def test_case_is_not_given_to_a_stranger(
    as_alice: Client, case: Case, dora: User, charlie: User
) -> None:
    for person in (dora, charlie):
        status, page = edit(as_alice, case, assignee=str(person.pk))
        assert status == 422
        assert "Select a valid choice" in page


def test_former_colleague_stays_the_assignee_until_somebody_changes_it(
    as_alice: Client, case: Case, alice: User, bob: User
) -> None:
    change_case(case=case, changed_by=alice, assignee=bob)
    Membership.objects.filter(user=bob).update(is_active=False)
    status, _ = edit(as_alice, case, priority="0")
    assert status == 302
    case.refresh_from_db()
    assert (case.assignee, case.priority) == (bob, Priority.URGENT)


def test_administrator_edits_no_case(as_dora: Client, case: Case) -> None:
    response = as_dora.get(f"/cases/{case.pk}/change/")
    assert response.status_code == 403
    page = " ".join(response.content.decode().split())
    assert "Only a technician or a pathologist" in page
    assert "<input" not in page.split("<main")[1]
    sent = {"accession_number": "X", "patient_code": "Y", "priority": "0"}
    sent["training_consent"] = "given"
    response = as_dora.post(f"/cases/{case.pk}/change/", sent)
    assert response.status_code == 403
    case.refresh_from_db()
    assert case.accession_number == "S26-0001"


def test_case_is_taken_and_given_back_with_one_click_and_undone(
    as_bob: Client, case: Case, bob: User
) -> None:
    assert "Assign to me" in text_of(as_bob, f"/cases/{case.pk}/")
    response = as_bob.post(f"/cases/{case.pk}/assign/", {"to": "me"}, follow=True)
    page = response.content.decode()
    case.refresh_from_db()
    assert case.assignee == bob
    assert "The case is assigned to you." in page
    assert "Give back" in page
    (events,) = re.findall(r'name="events" value="(\d+)"', page)
    as_bob.post("/cases/undo/", {"events": events})
    case.refresh_from_db()
    assert case.assignee is None
    as_bob.post(f"/cases/{case.pk}/assign/", {"to": "me"})
    as_bob.post(f"/cases/{case.pk}/assign/", {"to": "nobody"})
    case.refresh_from_db()
    assert case.assignee is None


def test_administrator_takes_no_case(as_dora: Client, case: Case) -> None:
    assert "Assign to me" not in text_of(as_dora, f"/cases/{case.pk}/")
    sent = {"to": "me"}
    assert as_dora.post(f"/cases/{case.pk}/assign/", sent).status_code == 403


# --- Specimens, withdrawn images, reviews ---------------------------------------


def test_images_stand_under_their_specimens(
    as_alice: Client, alice: User, case: Case
) -> None:
    for label in ("B", "A", "B"):
        specimen, _ = case.specimens.get_or_create(label=label)
        make_analysis(make_image(case, alice, specimen=specimen))
    page = text_of(as_alice, f"/cases/{case.pk}/")
    found = re.findall(r'Specimen (\w) <span class="soft">(\d image\w?)<', page)
    assert found == [("A", "1 image"), ("B", "2 images")]


def test_withdrawn_images_are_folded_away_with_why_who_and_when(
    as_alice: Client, as_bob: Client, alice: User, bob: User, case: Case
) -> None:
    image = make_image(case, alice, filename="Doe.png")
    make_prediction(image)
    withdraw_image(image=image, reason="Another <patient>.", withdrawn_by=bob)
    page = text_of(as_alice, f"/cases/{case.pk}/")
    folded = page.split('<details class="card withdrawn">')[1].split("</details>")[0]
    assert "1 withdrawn image: what was answered about it is void" in folded
    assert "“Another &lt;patient&gt;.”" in folded
    assert "Withdrawn by bob," in folded
    assert f'href="/images/{image.pk}/"' in folded
    assert "image-card" not in page.split('id="images"')[1]
    assert "No image yet" in page
    assert "Doe" not in text_of(as_bob, f"/cases/{case.pk}/")


def test_moved_image_leads_from_each_case_to_the_other(
    as_alice: Client, alice: User, case: Case, laboratory: Laboratory
) -> None:
    right = open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0002",
        patient_code="P-2",
    )
    image = make_image(
        case,
        alice,
        withdrawn_at="2026-01-01T00:00Z",
        withdrawn_by=alice,
        withdrawal_reason="It is S26-0002's.",
    )
    make_failed(image)
    make_analysis(make_image(right, alice, moved_from=image))
    wrong = text_of(as_alice, f"/cases/{case.pk}/")
    assert f'Moved to the case <a href="/cases/{right.pk}/">S26-0002</a>' in wrong
    assert "moved here from the case S26-0001" in text_of(
        as_alice, f"/cases/{right.pk}/"
    )


def test_card_says_who_read_it_and_that_nobody_did(
    as_alice: Client, alice: User, bob: User, case: Case
) -> None:
    prediction = make_prediction(make_image(case, alice))
    page = text_of(as_alice, f"/cases/{case.pk}/images/")
    assert "Not read yet" in page
    again = unescape(page.split('hx-get="')[1].split('"')[0])
    assert as_alice.get(again).status_code == 204
    review_answer(
        prediction=prediction, reader=bob, verdict="benign", comment="Mere adenosis."
    )
    assert "bob read <b>benign</b>" in text_of(as_alice, again)


def test_purged_image_has_no_picture_and_says_why(
    as_alice: Client, alice: User, case: Case
) -> None:
    image = make_image(case, alice)
    make_prediction(image)
    purge_without_files(image)
    page = text_of(as_alice, f"/cases/{case.pk}/images/")
    assert "The files were removed after the retention period" in page
    assert "/thumbnail/" not in page


# --- Messages -------------------------------------------------------------------


def test_message_is_posted_and_read_by_everybody_escaped(
    as_alice: Client, as_dora: Client, case: Case
) -> None:
    address = f"/cases/{case.pk}/messages/"
    assert "Nobody has written anything yet" in text_of(as_alice, f"/cases/{case.pk}/")
    response = as_alice.post(address, {"text": "<i>Recut</i> & wait"})
    assert response["Location"] == f"/cases/{case.pk}/#messages"
    assert as_dora.post(address, {"text": "Seen."}).status_code == 302
    page = text_of(as_dora, f"/cases/{case.pk}/")
    assert "&lt;i&gt;Recut&lt;/i&gt; &amp; wait" in page
    assert "<b>dora</b>" in page


def test_list_of_messages_is_sent_only_when_there_is_a_new_one(
    as_alice: Client, as_bob: Client, case: Case
) -> None:
    address = f"/cases/{case.pk}/messages/"
    page = text_of(as_alice, f"/cases/{case.pk}/")
    again = unescape(page.split('id="messages" hx-get="')[1].split('"')[0])
    assert as_alice.get(again).status_code == 204
    as_bob.post(address, {"text": "Hello"})
    assert "Hello" in text_of(as_alice, again)


def test_htmx_gets_the_list_anew_or_what_is_wrong(as_alice: Client, case: Case) -> None:
    address, htmx = f"/cases/{case.pk}/messages/", {"HX-Request": "true"}
    response = as_alice.post(address, {"text": "Hello"}, headers=htmx)
    assert response.status_code == 200
    assert "Hello" in response.content.decode()
    assert "<html" not in response.content.decode()
    response = as_alice.post(address, {"text": " "}, headers=htmx)
    assert response.status_code == 422
    assert "needs 1 to 4000 characters" in response.content.decode()
    assert as_alice.post(address, {"text": ""}).status_code == 422


def test_case_page_takes_few_queries_with_everything_on_it(
    as_alice: Client,
    alice: User,
    bob: User,
    case: Case,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for number in range(30):
        image = make_image(case, alice)
        make_failed(image)
        prediction = make_prediction(image)
        if number % 3:
            review_answer(prediction=prediction, reader=bob, verdict="malignant")
        if number % 5 == 0:
            withdraw_image(image=image, reason="Wrong case.", withdrawn_by=alice)
        post_message(case=case, author=bob, text=f"Message {number}")
    change_case(case=case, changed_by=alice, assignee=bob)
    with django_assert_max_num_queries(12):
        text_of(as_alice, f"/cases/{case.pk}/")
