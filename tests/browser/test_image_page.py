"""A pathologist at one image: its scale, the heatmap's threshold, a reading."""

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from predictions.models import Case, Image, Laboratory, Review, Role
from predictions.services.cases import open_case
from predictions.services.images import ReceivedFile, submit_image
from predictions.services.laboratories import add_member
from predictions.services.storage import store
from tests.browser.conftest import PASSWORD
from tests.browser.pictures import picture
from tests.browser.test_portal import answer, needs_viewer

pytestmark = needs_viewer


@pytest.fixture
def bob(laboratory: Laboratory) -> User:
    person = User.objects.create_user("bob", password=PASSWORD)
    add_member(laboratory=laboratory, user=person, role=Role.PATHOLOGIST)
    return person


@pytest.fixture
def images(case: Case, alice: User) -> list[Image]:
    """Two, answered."""
    made = []
    for name in ("a.png", "b.png"):
        part = store().begin()
        part.write(picture(seed=name))
        image = submit_image(
            case=case,
            uploaded_by=alice,
            received=ReceivedFile(name, part),
            spacing_um=None,
            magnification=20.0,
        ).image
        answer(image)
        made.append(image)
    return made


@pytest.fixture
def at_image(page: Page, bob: User, images: list[Image]) -> Page:
    """bob at the first image."""
    page.goto(f"/images/{images[0].pk}/")
    page.get_by_label("Username").fill("bob")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#viewer[data-layers='2']")).to_be_visible()
    return page


ALPHAS = """() => {
  const layer = document.querySelector(".heatmap-layer");
  const all = layer.getContext("2d").getImageData(0, 0, layer.width, layer.height).data;
  const seen = new Set();
  for (let at = 3; at < all.length; at += 4) seen.add(all[at]);
  return [...seen].sort((one, other) => one - other);
}"""


def test_threshold_hides_what_weighs_less_than_that_share(at_image: Page) -> None:
    """Two tiles, of 0.2 and 0.8: the first has a quarter of the largest attention."""
    slider = at_image.get_by_label("Hide below")
    light, heavy = at_image.evaluate(ALPHAS)[-2:]
    assert (light, heavy) == (64 * 200 // 255, 200)
    slider.focus()
    for _ in range(5):
        at_image.keyboard.press("ArrowRight")
    expect(at_image.locator("#threshold-said")).to_have_text("25 %")
    assert light in at_image.evaluate(ALPHAS), "64 of 255 is a little more than 25 %"
    at_image.keyboard.press("ArrowRight")
    expect(at_image.locator("#threshold-said")).to_have_text("30 %")
    assert at_image.evaluate(ALPHAS)[-1] == heavy
    assert light not in at_image.evaluate(ALPHAS)
    cut = at_image.locator("#legend-cut").evaluate("cut => cut.style.width")
    assert cut == "30%"
    at_image.keyboard.press("Home")
    assert light in at_image.evaluate(ALPHAS)


def test_heatmap_lies_exactly_over_the_picture_wherever_it_is_moved(
    at_image: Page,
) -> None:
    def left_and_width() -> tuple[float, float]:
        box = at_image.locator(".heatmap-layer").bounding_box()
        assert box
        return box["x"], box["width"]

    before = left_and_width()
    at_image.get_by_role("button", name="Zoom in").press("Enter")
    at_image.wait_for_timeout(1200)
    assert left_and_width()[1] == pytest.approx(before[1] * 1.5, rel=0.02)


def scale_um_per_px(page: Page) -> float:
    words = page.locator("#scale-bar span").inner_text()
    number, unit = words.split()
    width = page.locator("#scale-bar svg").get_attribute("width")
    assert width
    assert 10 < float(width) <= 140
    return float(number) * (1000 if unit == "mm" else 1) / float(width)


def test_scale_bar_measures_the_picture(at_image: Page, images: list[Image]) -> None:
    """0.5 µm/px: the field's width in µm over the width that it has on the screen."""
    field_um = images[0].width_px * 0.5
    for _ in range(2):
        box = at_image.locator(".heatmap-layer").bounding_box()
        assert box
        expected = field_um / box["width"]
        assert scale_um_per_px(at_image) == pytest.approx(expected, rel=0.05)
        at_image.get_by_role("button", name="Zoom in").click()
        at_image.wait_for_timeout(1200)
    expect(at_image.locator("#viewer-scale")).to_contain_text("spacing assumed")
    expect(at_image.locator("#viewer-scale")).to_contain_text("Objective 20×")


def test_keys_lead_to_the_next_image_and_back(
    at_image: Page, images: list[Image]
) -> None:
    at_image.get_by_role("application").press("PageDown")
    at_image.wait_for_url(f"**/images/{images[1].pk}/")
    expect(at_image.locator("#viewer[data-layers='2']")).to_be_visible()
    at_image.get_by_role("application").press("PageUp")
    at_image.wait_for_url(f"**/images/{images[0].pk}/")


def test_answer_is_overridden_with_the_keyboard_alone(at_image: Page) -> None:
    at_image.get_by_label("Agree with the model: malignant").focus()
    at_image.keyboard.press("ArrowDown")
    at_image.keyboard.press("Tab")
    at_image.keyboard.type("A fibroadenoma.")
    at_image.keyboard.press("Tab")
    at_image.keyboard.press("Enter")
    expect(at_image.locator(".reading")).to_contain_text("overrides the model")
    expect(at_image.locator(".reading")).to_contain_text("A fibroadenoma.")
    review = Review.objects.get()
    assert (review.verdict, review.agrees) == ("benign", False)


def test_image_is_moved_to_where_it_belongs(
    at_image: Page, alice: User, laboratory: Laboratory, images: list[Image]
) -> None:
    open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0077",
        patient_code="P-0077",
    )
    at_image.get_by_role("link", name="Move to another case").click()
    at_image.get_by_role("searchbox").fill("0077")
    at_image.keyboard.press("Enter")
    at_image.get_by_label("S26-0077").check()
    at_image.get_by_label("Reason").fill("Two slides were swapped.")
    at_image.get_by_role("button", name="Move this image").click()
    expect(at_image.get_by_text("Moved here from")).to_be_visible()
    at_image.get_by_role("link", name="case S26-0001", exact=True).click()
    expect(at_image.get_by_text("This image is void")).to_be_visible()
    expect(at_image.get_by_text("Two slides were swapped.")).to_be_visible()


def test_nothing_of_it_is_wider_than_a_narrow_phone(
    at_image: Page, images: list[Image]
) -> None:
    at_image.set_viewport_size({"width": 320, "height": 640})
    for part in ("", "withdraw/", "move/"):
        at_image.goto(f"/images/{images[0].pk}/{part}")
        width = at_image.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, part


def test_original_is_saved_under_the_accession_number(
    at_image: Page, images: list[Image]
) -> None:
    with at_image.expect_download() as started:
        at_image.get_by_role("link", name="Download the original").click()
    number = str(images[0].pk)[:8]
    assert started.value.suggested_filename == f"S26-0001-{number}-original.png"
    assert started.value.path().read_bytes() == picture(seed="a.png")
