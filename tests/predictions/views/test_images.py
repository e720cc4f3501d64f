import re
import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from predictions.models import (
    Analysis,
    AuditEvent,
    Case,
    Image,
    ModelVersion,
    Outcome,
)
from predictions.views.shown import interval
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_image,
    make_prediction,
    make_running,
)

NOTICE = "Research use only. Not for diagnostic use."
CONTRACT = {"refer_low": 0.3, "refer_high": 0.7}


def text_of(client: Client, image: Image, part: str = "") -> str:
    """The image page's text, its white space made single."""
    response = client.get(f"/images/{image.pk}/{part}")
    assert response.status_code == 200
    return " ".join(response.content.decode().split())


def answer_panel(page: str) -> str:
    return page.split('id="answer"')[1].split("</section>", maxsplit=1)[0]


@pytest.fixture
def banded(db: None) -> ModelVersion:
    """The model version of the records, with its refer band."""
    return ModelVersion.objects.create(
        name="breast-mil", version=1, sha256="ab" * 32, contract=CONTRACT
    )


def test_answer_stands_with_its_model_its_band_and_the_notice(
    as_alice: Client, image: Image, banded: ModelVersion
) -> None:
    make_prediction(image, outcome=Outcome.MALIGNANT, probability=0.934)
    panel = answer_panel(text_of(as_alice, image))
    assert "Malignant" in panel
    assert "<b>93 %</b>" in panel
    assert "calibrated probability of malignancy" in panel
    assert "breast-mil v1" in panel
    assert NOTICE in panel
    assert "benign ≤ 30 %" in panel
    assert "malignant ≥ 70 %" in panel
    assert 'class="scale-refer" x="30.0%"' in panel


def test_probability_is_never_rounded_to_certainty(
    as_alice: Client, image: Image
) -> None:
    make_prediction(image, probability=0.9999)
    assert "&gt; 99 %" in answer_panel(text_of(as_alice, image))


def test_assumed_spacing_is_said(as_alice: Client, image: Image) -> None:
    make_prediction(image, spacing_assumed=True)
    assert "spacing assumed" in answer_panel(text_of(as_alice, image))


def test_stated_spacing_is_not_called_assumed(as_alice: Client, image: Image) -> None:
    make_prediction(image)
    page = text_of(as_alice, image)
    assert "0.5 µm/px" in answer_panel(page)
    assert "spacing assumed" not in page


def test_inputs_are_named_by_hash_size_and_spacing(
    as_bob: Client, image: Image
) -> None:
    Image.objects.update(magnification=20, orientation=6, pages=3, mode="RGB")
    make_prediction(image)
    page = text_of(as_bob, image)
    assert page.count(image.sha256_received) == 2  # As received, as asked about.
    assert "ab" * 32 in page
    assert "896 × 768 px (448 × 384 µm)" in page
    assert "µm/px stated" in page
    assert "20×" in page
    assert "Turned upright" in page
    assert "The largest of 3 levels was read." in page
    assert "PNG, RGB, 1000" in page


def test_times_have_a_zone_and_seconds(as_alice: Client, image: Image) -> None:
    prediction = make_prediction(
        image, seconds={"draw": 0.02, "embed": 0.2, "decode": 0.1}
    )
    asked = prediction.analysis.created_at
    page = text_of(as_alice, image)
    assert f">{asked:%Y-%m-%d %H:%M:%S} UTC</time>" in page
    steps = page.split("Time by step")[1]
    places = [steps.index(spent) for spent in ("0.100", "0.200", "0.020")]
    assert places == sorted(places)  # In the worker's order.


def test_tiles_are_listed_by_their_share_of_attention(
    as_alice: Client, image: Image
) -> None:
    tiles = [
        {"left": 128 * n, "top": 0, "side": 128, "attention": share}
        for n, share in enumerate((0.1, 0.6, 0.3))
    ]
    make_prediction(image, tiles=tiles)
    page = text_of(as_alice, image)
    assert page.index(">60 %<") < page.index(">30 %<") < page.index(">10 %<")
    assert "out of 3" in page


def test_refusal_has_its_reason_and_no_score(as_alice: Client, image: Image) -> None:
    make_prediction(
        image,
        outcome=Outcome.REFUSED,
        probability=None,
        refusal_reason="This is a photograph of a cat.",
        tiles=[],
    )
    page = text_of(as_alice, image)
    assert "This is a photograph of a cat." in answer_panel(page)
    assert "calibrated probability" not in page


def test_failure_is_readable_and_can_be_asked_again(
    as_alice: Client, as_dora: Client, image: Image
) -> None:
    failed = make_failed(image, reason="The file is damaged. Export it again.")
    panel = answer_panel(text_of(as_alice, image))
    assert "The file is damaged. Export it again." in panel
    assert f'action="/analyses/{failed.pk}/again/"' in panel
    assert "again/" not in text_of(as_dora, image)


@pytest.mark.parametrize("make", [make_analysis, make_running])
def test_unfinished_analysis_can_be_cancelled_and_is_asked_after(
    as_alice: Client, image: Image, make: object
) -> None:
    assert callable(make)
    analysis = make(image)
    panel = answer_panel(text_of(as_alice, image))
    assert f'action="/analyses/{analysis.pk}/cancel/"' in panel
    assert 'hx-trigger="every 2s"' in panel


def test_waiting_for_the_model_server_is_said(as_alice: Client, image: Image) -> None:
    make_analysis(image, given_back=2)
    assert "tried again by itself" in answer_panel(text_of(as_alice, image))


def test_finished_page_asks_no_more(as_alice: Client, image: Image) -> None:
    make_prediction(image)
    assert "hx-get" not in text_of(as_alice, image)


def test_moving_part_follows_the_state_and_reloads_the_page_at_the_end(
    as_alice: Client, image: Image
) -> None:
    analysis = make_analysis(image)
    again = text_of(as_alice, image).split('hx-get="')[1].split('"')[0]
    assert as_alice.get(again).status_code == 204
    Analysis.objects.claim(analysis.pk)
    moved = as_alice.get(again)
    assert b"Attempt 1" in moved.content
    Analysis.objects.cancel(analysis.pk)
    assert as_alice.get(again)["HX-Refresh"] == "true"


def test_history_keeps_every_question(
    as_alice: Client, alice: User, image: Image
) -> None:
    make_failed(image, reason="The disk was full. Ask again.")
    make_analysis(image, created_at=timezone.now() + timedelta(minutes=1))
    page = text_of(as_alice, image)
    history = page.split('id="history-head"')[1].split("</section>")[0]
    assert history.index("Waiting") < history.index("The disk was full.")
    assert "Waiting" in answer_panel(page)


def test_image_page_takes_few_queries(as_alice: Client, image: Image) -> None:
    """Its reading on the trail included; without what only a test's savepoints are."""
    for _ in range(10):
        make_failed(image)
        make_prediction(image)
    with CaptureQueriesContext(connection) as captured:
        text_of(as_alice, image)
    assert AuditEvent.objects.filter(action="image.read").exists()
    asked = [query["sql"] for query in captured]
    queries = [sql for sql in asked if "SAVEPOINT" not in sql.split('"')[0]]
    assert len(queries) <= 12


def test_heatmap_is_offered_with_its_opacity_and_legend(
    as_alice: Client, image: Image
) -> None:
    answered = make_prediction(image, heatmap_file=uuid.uuid4()).analysis
    page = text_of(as_alice, image)
    assert f'data-heatmap="/analyses/{answered.pk}/heatmap/"' in page
    assert "Heatmap opacity" in page
    assert "least attention" in page


def test_answer_without_a_heatmap_offers_none(as_alice: Client, image: Image) -> None:
    make_prediction(image)
    assert "Heatmap opacity" not in text_of(as_alice, image)


# --- The interval ---------------------------------------------------------------


def test_interval_stands_with_the_probability_in_words_too(
    as_alice: Client, image: Image, banded: ModelVersion
) -> None:
    make_prediction(
        image, probability=0.62, interval_low=0.48, interval_high=0.74, outcome="refer"
    )
    panel = answer_panel(text_of(as_alice, image))
    assert "<b>62 %</b>" in panel
    assert "(48–74 %)" in panel
    assert "it does not say how often the model is wrong" in panel
    assert 'class="scale-span" x="48.0%"' in panel
    assert 'width="26.0%"' in panel


def test_without_an_interval_none_is_drawn(
    as_alice: Client, image: Image, banded: ModelVersion
) -> None:
    make_prediction(image)
    panel = answer_panel(text_of(as_alice, image))
    assert "scale-span" not in panel
    assert "In brackets" not in panel


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(0.001, 0.04, "< 1–4 %"), (0.97, 0.999, "97–> 99 %"), (0.48, 0.74, "48–74 %")],
)
def test_interval_is_never_rounded_to_certainty(
    low: float, high: float, shown: str
) -> None:
    assert interval(low, high) == shown


# --- Who looked, and what lies beside -------------------------------------------


def test_opening_the_page_is_on_the_trail_once_in_a_while(
    as_bob: Client, bob: User, image: Image
) -> None:
    make_analysis(image)
    for part in ("", "", "answer/"):
        text_of(as_bob, image, part)
    event = AuditEvent.objects.get(action="image.read")
    assert (event.actor_id, event.subject) == (bob.pk, f"image:{image.pk}")


def test_asking_for_the_head_or_a_part_is_no_reading(
    as_bob: Client, image: Image
) -> None:
    make_analysis(image)
    as_bob.head(f"/images/{image.pk}/")
    text_of(as_bob, image, "answer/")
    assert not AuditEvent.objects.filter(action="image.read").exists()


def test_images_of_a_case_lead_to_each_other(
    as_bob: Client, case: Case, alice: User, image: Image
) -> None:
    others = [make_image(case, alice) for _ in range(2)]
    Image.objects.update(uploaded_at=image.uploaded_at)  # At once: by id, then.
    first, second, third = sorted([image, *others], key=lambda one: one.pk)
    for one in (first, second, third):
        make_prediction(one)
    assert neighbours(as_bob, first) == [second]
    assert neighbours(as_bob, second) == [first, third]
    assert neighbours(as_bob, third) == [second]


def neighbours(client: Client, image: Image) -> list[Image]:
    links = text_of(client, image).split('aria-label="Images of this case"')[1]
    paths = re.findall(r'href="/images/([0-9a-f-]+)/"', links.split("</nav>")[0])
    return [Image.objects.get(pk=path) for path in paths]


def test_an_only_image_has_no_neighbours(as_bob: Client, image: Image) -> None:
    make_prediction(image)
    assert "Images of this case" not in text_of(as_bob, image)


def test_threshold_is_offered_with_the_heatmap_alone(
    as_bob: Client, image: Image
) -> None:
    make_prediction(image)
    assert 'id="threshold"' not in text_of(as_bob, image)
    make_prediction(image, heatmap_file=uuid.uuid4())
    page = text_of(as_bob, image)
    assert 'id="threshold"' in page
    assert "in per cent of the largest attention in this image" in page


def test_scale_is_said_to_be_assumed_or_missing(as_bob: Client, image: Image) -> None:
    make_prediction(image)
    page = text_of(as_bob, image)
    assert 'data-spacing-um="0.5"' in page
    Image.objects.update(spacing_assumed=True)
    viewer = text_of(as_bob, image).split('id="viewer-scale"')[1].split("</div>")[0]
    assert "spacing assumed" in viewer
    Image.objects.update(spacing_um=None, spacing_assumed=False)
    page = text_of(as_bob, image)
    assert "data-spacing-um" not in page
    assert "No scale bar" in page
