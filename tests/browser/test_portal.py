"""A technician's day, in a real browser."""

import hashlib
import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from playwright.sync_api import Browser, Page, Route, expect

from predictions.images import heatmap
from predictions.models import Analysis, Case, Image, ModelVersion, Outcome
from predictions.services.analyses import Answer, record_answer, record_failure
from predictions.services.storage import store
from tests.browser.conftest import PASSWORD, WORKLIST
from tests.browser.pictures import picture

SIDE_PX = 128
needs_viewer = pytest.mark.skipif(
    finders.find("openseadragon/openseadragon/openseadragon.min.js") is None,
    reason="no OpenSeadragon here: make setup fetches it",
)


@pytest.fixture
def files(tmp_path: Path) -> Callable[..., list[str]]:
    """Pictures on the person's own disk."""

    def make(*names: str) -> list[str]:
        paths = []
        for name in names:
            path = tmp_path / name
            path.write_bytes(picture(seed=name))
            paths.append(str(path))
        return paths

    return make


@pytest.fixture
def at_case(signed_in: Page, case: Case) -> Page:
    signed_in.goto(f"/cases/{case.pk}/")
    return signed_in


def answer(image: Image) -> None:
    """Do the worker's part."""
    version, _ = ModelVersion.objects.get_or_create(
        name="breast-mil",
        version=1,
        defaults={
            "sha256": hashlib.sha256(b"model").hexdigest(),
            "contract": {"refer_low": 0.3, "refer_high": 0.7},
        },
    )
    boxes = [(left, 0, SIDE_PX) for left in (0, SIDE_PX)]
    weights = [0.2, 0.8]
    drawn = heatmap.draw(
        width_px=2 * SIDE_PX, height_px=SIDE_PX, boxes=boxes, weights=weights
    )
    held = Analysis.objects.claim(image.analyses.get().pk)
    assert held is not None
    record_answer(
        held=held,
        answer=Answer(
            model_name=version.name,
            version=version.version,
            outcome=Outcome.MALIGNANT,
            probability=0.93,
            spacing_um=0.5,
            tiles=[
                {"left": left, "top": top, "side": side, "attention": weight}
                for (left, top, side), weight in zip(boxes, weights, strict=True)
            ],
            heatmap_file=store().keep_bytes(drawn),
            seconds={"embed": 0.2},
        ),
    )


def rows(page: Page) -> list[str]:
    """What is said of each file of the upload."""
    return page.locator(".upload-words").all_inner_texts()


def test_case_is_opened_with_the_keyboard_alone(
    page: Page, portal: str, alice: User
) -> None:
    page.goto("/")
    keys = page.keyboard
    keys.type("alice")  # The first field has the focus already.
    keys.press("Tab")
    keys.type(PASSWORD)
    keys.press("Enter")
    page.wait_for_url(WORKLIST)
    page.get_by_role("link", name="New case").first.focus()
    keys.press("Enter")
    page.wait_for_url("**/cases/new/")
    keys.type("S26-0009")
    keys.press("Tab")
    keys.type("P-0009")
    keys.press("Enter")
    expect(page.get_by_role("heading", name="Case S26-0009")).to_be_visible()


def test_first_key_leads_past_the_menu(at_case: Page) -> None:
    at_case.keyboard.press("Tab")
    skip = at_case.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()


def test_files_are_sent_and_their_states_move_without_a_reload(
    at_case: Page, files: Callable[..., list[str]], case: Case
) -> None:
    at_case.evaluate("window.notReloaded = true")
    at_case.set_input_files("#files", files("a.png", "b.png", "c.png"))
    expect(at_case.locator("#upload-summary")).to_have_text("3 accepted")
    expect(at_case.locator(".image-card")).to_have_count(3)
    expect(at_case.locator("#images .chip", has_text="Waiting")).to_have_count(3)
    first, second, third = case.images.all()
    answer(first)
    expect(at_case.locator("#images .chip", has_text="Malignant")).to_have_count(1)
    answer(second)
    held = Analysis.objects.claim(third.analyses.get().pk)
    assert held is not None
    record_failure(held=held, reason="The file is damaged. Export it again.")
    expect(at_case.locator("#images")).to_contain_text("The file is damaged.")
    expect(at_case.locator("#live")).to_have_text("3 of 3 images finished")
    assert at_case.evaluate("window.notReloaded") is True


def test_page_asks_no_more_once_all_is_finished(
    at_case: Page, files: Callable[..., list[str]], case: Case
) -> None:
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator("#images .chip", has_text="Waiting")).to_have_count(1)
    answer(case.images.get())
    expect(at_case.locator("#images")).to_contain_text("all finished")
    asked: list[str] = []
    at_case.on("request", lambda request: asked.append(request.url))
    at_case.wait_for_timeout(4500)  # More than two rounds of asking.
    assert asked == []


def test_duplicate_is_linked_and_a_refusal_is_readable(
    at_case: Page, files: Callable[..., list[str]], tmp_path: Path, case: Case
) -> None:
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator("#upload-summary")).to_have_text("1 accepted")
    broken, text = tmp_path / "broken.png", tmp_path / "letter.txt"
    broken.write_bytes(picture(seed="broken")[:300])
    text.write_text("no image")
    again = [*files("a.png"), str(broken), str(text)]
    at_case.set_input_files("#files", again)
    expect(at_case.locator("#upload-summary")).to_have_text(
        "1 accepted, 1 there already, 2 refused"
    )
    _, duplicate, damaged, wrong = rows(at_case)
    assert duplicate == "This image is in the case already."
    assert "damaged" in damaged
    assert "PNG, JPEG and TIFF" in wrong
    at_case.get_by_role("link", name="Open that one: a.png").click()
    at_case.wait_for_url(f"**/images/{case.images.get().pk}/")


def test_broken_connection_is_said_and_retried(
    at_case: Page, files: Callable[..., list[str]], case: Case
) -> None:
    upload = re.compile("/upload/$")
    at_case.route(upload, lambda route: route.abort())
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator(".upload-words")).to_contain_text("The connection broke.")
    assert not case.images.exists()
    at_case.unroute(upload)
    at_case.get_by_role("button", name="Retry a.png").click()
    expect(at_case.locator("#upload-summary")).to_have_text("1 accepted")


def test_person_who_was_signed_out_meanwhile_is_told(
    at_case: Page, files: Callable[..., list[str]]
) -> None:
    at_case.context.clear_cookies()
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator(".upload-words")).to_contain_text("You are signed out.")


def test_page_from_before_another_sign_in_is_told_to_reload(
    at_case: Page, files: Callable[..., list[str]], case: Case
) -> None:
    at_case.context.clear_cookies(name="csrf")
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator(".upload-words")).to_contain_text("Reload it")
    assert not case.images.exists()


def test_upload_is_cancelled_while_it_runs(
    at_case: Page, files: Callable[..., list[str]], case: Case
) -> None:
    held: list[Route] = []
    at_case.route(re.compile("/upload/$"), lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it is given.
    at_case.set_input_files("#files", files("a.png", "b.png", "c.png", "d.png"))
    expect(at_case.locator("progress:visible")).to_have_count(4)
    for name in ("a.png", "d.png"):  # One that is being sent, one that waits.
        at_case.get_by_role("button", name=f"Cancel {name}").click()
    expect(at_case.locator("#upload-summary")).to_have_text(
        "2 still to come, 2 cancelled"
    )
    for name in ("b.png", "c.png"):
        at_case.get_by_role("button", name=f"Cancel {name}").click()
    expect(at_case.locator("#upload-summary")).to_have_text("4 cancelled")
    assert not case.images.exists()


def test_dropped_files_are_sent_with_the_spacing_that_was_stated(
    at_case: Page, case: Case
) -> None:
    at_case.get_by_label("Spacing in µm per pixel").fill("0.25")
    content = list(picture(seed="dropped"))
    transfer = at_case.evaluate_handle(
        """(bytes) => {
            const transfer = new DataTransfer();
            const content = new Uint8Array(bytes);
            transfer.items.add(new File([content], "dropped.png"));
            return transfer;
        }""",
        content,
    )
    at_case.dispatch_event("#drop", "drop", {"dataTransfer": transfer})
    expect(at_case.locator("#upload-summary")).to_have_text("1 accepted")
    image = case.images.get()
    assert (image.spacing_um, image.spacing_assumed) == (0.25, False)


def test_filename_is_text_and_runs_no_script(
    at_case: Page, files: Callable[..., list[str]]
) -> None:
    name = "<img src=x onerror=window.ran=1>.png"
    at_case.set_input_files("#files", files(name))
    expect(at_case.locator(".upload-name")).to_have_text(name)
    expect(at_case.locator(".image-card-title")).to_have_text(name)
    assert at_case.evaluate("window.ran") is None


def test_lost_server_is_said_until_it_is_back(
    at_case: Page, files: Callable[..., list[str]]
) -> None:
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator("#images .chip")).to_have_count(1)
    asking = re.compile(r"/images/\?seen=")
    at_case.route(asking, lambda route: route.abort())
    expect(at_case.locator("#offline")).to_be_visible()
    at_case.unroute(asking)
    expect(at_case.locator("#offline")).to_be_hidden()


@pytest.fixture
def at_answer(at_case: Page, files: Callable[..., list[str]], case: Case) -> Page:
    """The page of an answered image."""
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator("#upload-summary")).to_have_text("1 accepted")
    answer(case.images.get())
    at_case.goto(f"/images/{case.images.get().pk}/")
    return at_case


@needs_viewer
def test_heatmap_lies_over_the_picture_as_strong_as_wanted(at_answer: Page) -> None:
    stage = at_answer.locator("#viewer[data-layers='2']")
    slider = at_answer.get_by_label("Heatmap opacity")
    expect(stage).to_be_visible()
    shots = []
    for key in ("Home", "End"):
        slider.press(key)
        at_answer.wait_for_timeout(800)  # Until the canvas has come to rest.
        shots.append(stage.screenshot(caret="initial"))
    expect(at_answer.locator("#opacity-said")).to_have_text("100 %")
    assert shots[0] != shots[1]


@needs_viewer
def test_tile_is_shown_in_the_picture(at_answer: Page) -> None:
    at_answer.get_by_role("button", name="Show tile 1").press("Enter")
    expect(at_answer.locator(".tile-frame")).to_be_visible()


@needs_viewer
def test_picture_is_zoomed_by_button_and_by_key(at_answer: Page) -> None:
    stage = at_answer.locator("#viewer[data-layers='2']")
    expect(stage).to_be_visible()
    whole = stage.screenshot(caret="initial")
    at_answer.get_by_role("button", name="Zoom in").press("Enter")
    at_answer.wait_for_timeout(1200)
    closer = stage.screenshot(caret="initial")
    assert closer != whole
    at_answer.get_by_role("application").press("+")
    at_answer.wait_for_timeout(1200)
    assert stage.screenshot(caret="initial") != closer


@needs_viewer
def test_answer_comes_to_an_open_page(
    at_case: Page, files: Callable[..., list[str]], case: Case
) -> None:
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator("#upload-summary")).to_have_text("1 accepted")
    at_case.goto(f"/images/{case.images.get().pk}/")
    expect(at_case.locator("#answer")).to_contain_text("Waiting for its turn")
    answer(case.images.get())
    expect(at_case.locator("#answer")).to_contain_text("breast-mil v1")
    expect(at_case.get_by_label("Heatmap opacity")).to_be_visible()


def test_question_is_cancelled_and_asked_again(
    at_case: Page, files: Callable[..., list[str]], case: Case
) -> None:
    at_case.set_input_files("#files", files("a.png"))
    expect(at_case.locator("#upload-summary")).to_have_text("1 accepted")
    at_case.goto(f"/images/{case.images.get().pk}/")
    at_case.get_by_role("button", name="Cancel").click()
    expect(at_case.locator("#answer")).to_contain_text("taken back")
    at_case.get_by_role("button", name="Ask again").click()
    expect(at_case.locator("#answer")).to_contain_text("Waiting for its turn")
    assert case.images.get().analyses.count() == 2


def test_spacing_is_corrected_with_the_keyboard_alone(
    at_answer: Page, case: Case
) -> None:
    case.images.update(spacing_um=0.5, spacing_assumed=False)
    at_answer.reload()
    field = at_answer.get_by_label("Spacing (µm/px)")
    expect(field).to_be_hidden()
    at_answer.get_by_text("State the spacing", exact=True).focus()
    for key in ("Enter", "Tab"):
        at_answer.keyboard.press(key)
    expect(field).to_be_focused()
    at_answer.keyboard.type("0.25")
    at_answer.keyboard.press("Enter")
    expect(at_answer.locator("#answer")).to_contain_text("Waiting for its turn")
    image = case.images.get()
    assert (image.spacing_um, image.spacing_assumed) == (0.25, False)


def test_pages_ask_nobody_but_the_portal(
    page: Page, portal: str, at_answer: Page
) -> None:
    asked: list[str] = []
    at_answer.on("request", lambda request: asked.append(request.url))
    at_answer.reload(wait_until="networkidle")
    assert len(asked) > 3
    assert [
        url for url in asked if not url.startswith((portal, "data:", "blob:"))
    ] == []


def test_nothing_is_wider_than_a_narrow_phone(at_answer: Page, case: Case) -> None:
    at_answer.set_viewport_size({"width": 320, "height": 640})
    image = case.images.get()
    for path in (
        "/cases/",
        "/cases/new/",
        f"/cases/{case.pk}/",
        f"/images/{image.pk}/",
    ):
        at_answer.goto(path)
        width = at_answer.evaluate("document.documentElement.scrollWidth")
        assert width <= 320, path


def test_all_of_it_works_without_scripts(
    chromium: Browser, portal: str, alice: User, case: Case, tmp_path: Path
) -> None:
    paths = []
    for _ in range(2):
        path = tmp_path / f"{uuid.uuid4()}.png"
        path.write_bytes(picture(seed=path.name))
        paths.append(str(path))
    context = chromium.new_context(base_url=portal, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/cases/{case.pk}/")
    page.get_by_label("Username").fill(alice.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.set_input_files("#files", paths)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_text("Accepted for analysis.")).to_have_count(2)
    page.get_by_role("link", name="Open").first.click()
    expect(page.locator("#viewer img")).to_be_visible()
    context.close()
