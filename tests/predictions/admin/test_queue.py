"""The review queue: what waits, in which order, and who sees it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django.fixtures import Settings

from predictions.models import (
    Analysis,
    AuditEvent,
    Case,
    Image,
    Laboratory,
    Membership,
    ModelVersion,
    Outcome,
    Prediction,
    Priority,
    ReviewQueue,
    Verdict,
)
from predictions.services.cases import change_case, open_case
from predictions.services.reviews import review_answer
from predictions.services.storage import store
from tests.predictions.admin.test_windows import MAX_QUERIES, count_queries, list_of
from tests.predictions.records import (
    make_failed,
    make_image,
    make_prediction,
    purge_without_files,
    withdraw,
)

QUEUE = list_of("reviewqueue")
REFUSED = {"outcome": Outcome.REFUSED, "probability": None, "refusal_reason": "Blur."}
NOTICE = "Research use only. Not for diagnostic use."


@pytest.fixture
def banded(db: None) -> ModelVersion:
    """A model that refers from 0.2 to 0.6."""
    contract = {"refer_low": 0.2, "refer_high": 0.6}
    return ModelVersion.objects.create(
        name="banded", version=7, sha256="ef" * 32, contract=contract
    )


def answer_to(case: Case, **facts: Any) -> Prediction:
    return make_prediction(make_image(case, case.created_by), **facts)


def waiting() -> list[object]:
    return list(ReviewQueue.objects.values_list("pk", flat=True))


def shown(client: Client, **query: str) -> list[object]:
    rows = client.get(QUEUE, query).context["cl"].result_list
    return [row.pk for row in rows]


# --- What waits -----------------------------------------------------------------


def test_an_answer_waits_until_somebody_reviewed_it(case: Case, bob: User) -> None:
    answer = answer_to(case)
    make_failed(make_image(case, case.created_by))
    assert waiting() == [answer.pk]
    review_answer(prediction=answer, reader=bob, verdict=Verdict.MALIGNANT)
    assert waiting() == []


def test_only_the_newest_answer_about_an_image_waits(case: Case, bob: User) -> None:
    first = answer_to(case)
    image = first.analysis.image
    second = make_prediction(image)
    assert waiting() == [second.pk]
    review_answer(prediction=second, reader=bob, verdict=Verdict.MALIGNANT)
    assert waiting() == [], "the older one is of no interest any more"
    third = make_prediction(image)
    assert waiting() == [third.pk]


def test_while_it_is_asked_again_the_answer_that_is_there_waits(
    as_staff: Client, case: Case, alice: User
) -> None:
    answer = answer_to(case)
    assert "asked again" not in as_staff.get(QUEUE).content.decode()
    Analysis.objects.create(
        image=answer.analysis.image, model_name="breast-mil", asked_by=alice
    )
    assert waiting() == [answer.pk]
    assert "asked again, waiting" in as_staff.get(QUEUE).content.decode()


@pytest.mark.parametrize("make_void", [withdraw, purge_without_files])
def test_an_image_that_does_not_stand_waits_for_nobody(
    case: Case, make_void: Callable[[Image], None]
) -> None:
    make_void(answer_to(case).analysis.image)
    assert waiting() == []


# --- The order ------------------------------------------------------------------


def test_the_uncertain_come_first(
    as_staff: Client, case: Case, banded: ModelVersion
) -> None:
    """Wanted from top to bottom; made from bottom to top."""
    wanted: list[dict[str, Any]] = [
        {"outcome": Outcome.REFER, "probability": 0.25},
        REFUSED,
        {"outcome": Outcome.MALIGNANT, "probability": 0.65},
        {"outcome": Outcome.BENIGN, "probability": 0.1},
        {"outcome": Outcome.MALIGNANT, "probability": 0.75},
        {"outcome": Outcome.MALIGNANT, "probability": 0.99},
    ]
    made = [
        answer_to(case, model_version=banded, **facts).pk for facts in reversed(wanted)
    ]
    assert shown(as_staff) == made[::-1]


def test_without_a_refer_band_the_middle_is_the_least_certain(
    as_staff: Client, case: Case
) -> None:
    sure = answer_to(case, outcome=Outcome.BENIGN, probability=0.02)
    unsure = answer_to(case, outcome=Outcome.MALIGNANT, probability=0.55)
    fair = answer_to(case, outcome=Outcome.BENIGN, probability=0.3)
    assert shown(as_staff) == [unsure.pk, fair.pk, sure.pk]


def test_of_equals_the_oldest_comes_first(as_staff: Client, case: Case) -> None:
    first, second = (
        answer_to(case, outcome=Outcome.REFER, probability=p) for p in (0.5, 0.4)
    )
    assert shown(as_staff) == [first.pk, second.pk]


# --- The window -----------------------------------------------------------------


def test_the_queue_takes_few_queries_however_long(
    as_root: Client, as_staff: Client, case: Case, charlie: User, elsewhere: Laboratory
) -> None:
    theirs = open_case(
        laboratory=elsewhere,
        opened_by=charlie,
        accession_number="X26-1",
        patient_code="P",
    )
    for of in (case, theirs):
        answer_to(of)
    first = [count_queries(client, QUEUE) for client in (as_root, as_staff)]
    for number in range(12):
        answer_to((case, theirs)[number % 2])
    again = [count_queries(client, QUEUE) for client in (as_root, as_staff)]
    assert first == again
    assert max(again) <= MAX_QUERIES


def test_a_row_says_all_that_a_reader_wants_to_know(
    as_staff: Client, case: Case, bob: User
) -> None:
    change_case(case=case, changed_by=bob, assignee=bob, priority=Priority.URGENT)
    answer = answer_to(
        case,
        outcome=Outcome.REFER,
        probability=0.412,
        interval_low=0.31,
        interval_high=0.555,
        spacing_assumed=True,
    )
    page = as_staff.get(QUEUE).content.decode()
    image = answer.analysis.image
    for words in (
        str(image),
        f'href="{reverse("image-detail", args=[image.pk])}"',
        reverse("admin:predictions_reviewqueue_thumbnail", args=[image.pk]),
        "Refer to a pathologist, spacing assumed",
        f"0.412, by breast-mil v1. {NOTICE}",
        "0.310 to 0.555",
        "Urgent",
        "now</time>",
        " UTC",
        "bob",
    ):
        assert words in page


def test_an_age_is_told_with_its_unit(as_staff: Client, case: Case) -> None:
    long_ago = timezone.now() - timedelta(hours=3, minutes=5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(timezone, "now", lambda: long_ago)
        answer_to(case)
    assert "3\xa0hours" in as_staff.get(QUEUE).content.decode()


def test_who_is_no_member_is_led_to_the_record_not_to_the_portal(
    as_root: Client, case: Case
) -> None:
    image = answer_to(case).analysis.image
    page = as_root.get(QUEUE).content.decode()
    assert reverse("image-detail", args=[image.pk]) not in page
    assert reverse("admin:predictions_image_change", args=[image.pk]) in page


def test_an_empty_queue_says_so(as_staff: Client, case: Case) -> None:
    assert (
        "New answers appear here by themselves." in as_staff.get(QUEUE).content.decode()
    )
    answer_to(case)
    page = as_staff.get(QUEUE, {"q": "nothing like it"}).content.decode()
    assert "Take a filter away" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"outcome__exact": "refer"}, [1]),
        ({"analysis__image__case__priority__exact": "0"}, [1]),
        ({"spacing_assumed__exact": "1"}, [0]),
        ({"model_version__id__exact": "{banded}"}, [1]),
        ({"analysis__image__case__laboratory__id__exact": "{laboratory}"}, [1, 0]),
        ({"assignee": "me"}, [1]),
        ({"assignee": "nobody"}, [0]),
        ({"assignee": "others"}, []),
        ({"q": "0002"}, [1]),
        ({"created_at__year": "1999"}, []),
    ],
)
def test_the_queue_is_narrowed(
    as_staff: Client,
    staff: User,
    case: Case,
    banded: ModelVersion,
    query: dict[str, str],
    found: list[int],
) -> None:
    urgent = open_case(
        laboratory=case.laboratory,
        opened_by=staff,
        accession_number="S26-0002",
        patient_code="P-2",
        priority=Priority.URGENT,
    )
    change_case(case=urgent, changed_by=staff, assignee=staff)
    rows = [
        answer_to(case, spacing_assumed=True),
        answer_to(urgent, outcome=Outcome.REFER, model_version=banded),
    ]
    ids = {"banded": banded.pk, "laboratory": case.laboratory_id}
    asked = {name: value.format(**ids) for name, value in query.items()}
    assert shown(as_staff, **asked) == [rows[index].pk for index in found]


@pytest.mark.parametrize(
    "query",
    [
        "analysis__image__case__assignee__password__startswith=p",
        "analysis__image__filename__startswith=J",
        "analysis__asked_by__password__startswith=p",
        "probability__gt=0.5",
    ],
)
def test_the_queue_is_narrowed_by_nothing_else(as_staff: Client, query: str) -> None:
    assert as_staff.get(f"{QUEUE}?{query}").status_code == 400


def test_the_queue_shows_no_other_laboratory(
    as_staff: Client, case: Case, charlie: User, elsewhere: Laboratory
) -> None:
    theirs = open_case(
        laboratory=elsewhere,
        opened_by=charlie,
        accession_number="X26-1",
        patient_code="P",
    )
    answer = answer_to(theirs)
    assert shown(as_staff) == []
    row = reverse("admin:predictions_reviewqueue_change", args=[answer.pk])
    assert as_staff.get(row).status_code == 302


def test_an_outsider_s_look_at_the_queue_is_on_record(
    as_root: Client, case: Case
) -> None:
    answer = answer_to(case)
    as_root.get(QUEUE)
    as_root.get(reverse("admin:predictions_reviewqueue_change", args=[answer.pk]))
    listed, opened = AuditEvent.objects.filter(action__endswith=".read").order_by(
        "sequence"
    )
    assert listed.detail == {"model": "reviewqueue", "rows": 1}
    assert opened.action == "prediction.read"
    assert opened.subject == f"analysis:{answer.pk}"


# --- Thumbnails -----------------------------------------------------------------


@pytest.fixture
def kept(case: Case, tmp_path: Path, settings: Settings) -> str:
    """The address of a thumbnail that is there."""
    settings.STORAGE_ROOT = tmp_path
    kept = store().keep_bytes(b"JPEG")
    image = make_image(case, case.created_by, thumbnail_file=kept)
    return reverse("admin:predictions_reviewqueue_thumbnail", args=[image.pk])


def test_a_thumbnail_is_shown_to_staff_and_to_the_keeper(
    as_staff: Client, as_root: Client, kept: str
) -> None:
    for client in (as_staff, as_root):
        response = client.get(kept)
        assert response.getvalue() == b"JPEG"
        assert response["Content-Type"] == "image/jpeg"
        assert "private" in response["Cache-Control"]
        etag = response["ETag"]
        response = client.get(kept, headers={"If-None-Match": etag})
        assert response.status_code == 304


def test_a_thumbnail_is_not_there_for_others(
    client: Client,
    as_staff: Client,
    staff: User,
    alice: User,
    kept: str,
    elsewhere: Laboratory,
) -> None:
    assert client.get(kept).status_code == 302
    client.force_login(alice)
    assert client.get(kept).status_code == 302
    Membership.objects.filter(user=staff).update(laboratory=elsewhere)
    assert as_staff.get(kept).status_code == 404


def test_a_thumbnail_whose_file_is_gone_is_not_there(
    as_staff: Client, image: Image, tmp_path: Path, settings: Settings
) -> None:
    settings.STORAGE_ROOT = tmp_path
    address = reverse("admin:predictions_reviewqueue_thumbnail", args=[image.pk])
    assert as_staff.get(address).status_code == 404


def test_an_outsider_s_thumbnails_are_on_record_once_in_a_while(
    as_root: Client, root: User, case: Case, kept: str
) -> None:
    for _ in range(3):
        assert as_root.get(kept).getvalue() == b"JPEG"
    (event,) = case.laboratory.audit_events.filter(action="thumbnails.read")
    assert event.subject == f"laboratory:{case.laboratory_id}"
