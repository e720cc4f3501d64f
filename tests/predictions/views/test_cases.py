import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from predictions.models import Case, Laboratory, Outcome, Priority
from predictions.services.cases import open_case
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_image,
    make_prediction,
)

NOTICE = "Research use only. Not for diagnostic use."


def text_of(client: Client, path: str) -> str:
    """A page's text, its white space made single."""
    response = client.get(path)
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def make_cases(laboratory: Laboratory, person: User, count: int) -> None:
    for number in range(count):
        open_case(
            laboratory=laboratory,
            opened_by=person,
            accession_number=f"M26-{number:04}",
            patient_code="P-7",
        )


def test_list_says_what_a_person_needs_to_choose(
    as_bob: Client, case: Case, bob: User
) -> None:
    Case.objects.update(priority=Priority.URGENT, assignee=bob)
    page = text_of(as_bob, "/cases/")
    for said in ("S26-0001", "P-0001", "Urgent", ">bob<", "no image yet"):
        assert said in page
    assert f'datetime="{case.created_at.isoformat()}"' in page


def test_list_sums_up_the_newest_analysis_of_each_image(
    as_alice: Client, alice: User, case: Case
) -> None:
    asked_twice = make_image(case, alice)
    make_failed(asked_twice)
    make_analysis(asked_twice, created_at="2099-01-01T00:00Z")
    for _ in range(2):
        make_prediction(make_image(case, alice), outcome=Outcome.MALIGNANT)
    page = text_of(as_alice, "/cases/")
    assert '<span class="count">2</span> <span> Malignant' in page
    assert '<span class="count">1</span> <span> Waiting' in page
    assert "Failed" not in page
    assert '<td data-label="Images" class="number">3</td>' in page


def test_list_names_the_model_and_the_notice(
    as_alice: Client, alice: User, case: Case
) -> None:
    make_prediction(make_image(case, alice))
    assert f"Answers by breast-mil v1. {NOTICE}" in text_of(as_alice, "/cases/")


def test_list_shows_no_other_laboratorys_case(as_charlie: Client, case: Case) -> None:
    assert "S26-0001" not in text_of(as_charlie, "/cases/")


def test_list_is_searched_by_a_part_of_the_accession_number(
    as_alice: Client, alice: User, laboratory: Laboratory, case: Case
) -> None:
    make_cases(laboratory, alice, 1)
    page = text_of(as_alice, "/cases/?q=s26")
    assert "S26-0001" in page
    assert "M26-0000" not in page


def test_search_that_finds_nothing_says_so_and_escapes(
    as_alice: Client, case: Case
) -> None:
    page = text_of(as_alice, "/cases/?q=<script>")
    assert "No case has “&lt;script&gt;”" in page
    assert "<script>" not in page


def test_list_is_paged_and_keeps_the_search(
    as_alice: Client, alice: User, laboratory: Laboratory
) -> None:
    make_cases(laboratory, alice, 26)
    first = text_of(as_alice, "/cases/?q=M26")
    assert "Page 1 of 2" in first
    assert 'href="?q=M26&amp;page=2"' in first
    assert "M26-0000" in text_of(as_alice, "/cases/?q=M26&page=2")


@pytest.mark.parametrize("page", ["0", "99", "x", "-1"])
def test_odd_page_numbers_show_a_page(as_alice: Client, case: Case, page: str) -> None:
    assert "S26-0001" in text_of(as_alice, f"/cases/?page={page}")


def test_empty_list_says_what_to_do(
    as_alice: Client, as_dora: Client, db: None
) -> None:
    assert "Open the first one" in text_of(as_alice, "/cases/")
    assert "A technician or a pathologist" in text_of(as_dora, "/cases/")


def test_person_without_laboratory_is_told_whom_to_ask(
    client: Client, db: None
) -> None:
    client.force_login(User.objects.create_user("gina"))
    assert "You belong to no laboratory yet" in text_of(client, "/cases/")


def test_list_takes_few_queries_however_many_cases(
    as_alice: Client,
    alice: User,
    laboratory: Laboratory,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    make_cases(laboratory, alice, 25)
    for case in Case.objects.all():
        make_prediction(make_image(case, alice))
    with django_assert_max_num_queries(12):
        text_of(as_alice, "/cases/")


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
