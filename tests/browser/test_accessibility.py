"""Every page of the portal, as people with other eyes, hands and screens meet it."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import models
from django.urls import URLPattern, reverse
from playwright.sync_api import Page, expect
from pytest_django import Settings

from predictions.models import Case, Image, Laboratory, Prediction, Role, Verdict
from predictions.services.fetches import ask_to_fetch
from predictions.services.images import ReceivedFile, submit_image
from predictions.services.laboratories import add_member, create_laboratory
from predictions.services.messages import post_message
from predictions.services.people import invite
from predictions.services.reviews import review_answer
from predictions.services.storage import store
from predictions.services.tokens import issue_token
from predictions.services.withdrawals import withdraw_image
from predictions.urls import urlpatterns
from tests.browser.accessibility import AXE, Report, examine
from tests.browser.broken import ERRORS
from tests.browser.conftest import PASSWORD, WORKLIST
from tests.browser.pictures import picture
from tests.browser.test_portal import answer
from tests.predictions.records import make_failed, make_running

pytestmark = pytest.mark.skipif(
    not AXE.exists(), reason="no axe-core here: make setup fetches it"
)

NAMES = {
    str(pattern.name) for pattern in urlpatterns if isinstance(pattern, URLPattern)
}
# What answers without a page of its own.
LEADS_ELSEWHERE = {"home", "logout"}
PARTS_OF_PAGES = {"case-images", "case-messages", "case-timeline", "image-answer"}
PARTS_OF_PAGES |= {"case-fetches"}
POSTED = {
    *("image-upload", "image-spacing", "analysis-again", "analysis-cancel"),
    *("import-check", "import-open", "analysis-review"),
    *("case-bulk", "case-undo", "case-assign", "fetch-cancel", "fetch-retry"),
}
FILES = {"image-display", "image-thumbnail", "image-original", "heatmap"}
FILES |= {"case-export", "case-export-answers"}
MACHINES = {"health-live", "health-ready"}
NO_PAGES = LEADS_ELSEWHERE | PARTS_OF_PAGES | POSTED | FILES | MACHINES


@dataclass(frozen=True)
class Seen:
    """Who looks at a page; what must be there before it is looked at."""

    by: str = "alice"
    shows: str = "h1"


PAGES: dict[str, Seen] = {
    "login": Seen(by=""),
    "invitation": Seen(by=""),
    "token-list": Seen(),
    "token-revoke": Seen(),
    "password-change": Seen(),
    "laboratory-list": Seen(by="dora"),
    "laboratory-settings": Seen(by="dora"),
    "laboratory-audit": Seen(by="dora", shows="table"),
    "member-list": Seen(by="dora", shows="table"),
    "member-role": Seen(by="dora"),
    "member-disable": Seen(by="dora"),
    "member-enable": Seen(by="dora"),
    "invitation-new": Seen(by="dora"),
    "invitation-revoke": Seen(by="dora"),
    "case-list": Seen(shows="table.rows"),
    "case-new": Seen(),
    "case-change": Seen(),
    "case-detail": Seen(shows=".image-card"),
    "image-detail": Seen(by="bob", shows=".reading form"),
    "image-move": Seen(),
    "image-withdraw": Seen(),
    "import-new": Seen(shows="#import"),
}


@dataclass
class World:
    """A laboratory with some of everything, and who works there."""

    people: dict[str, User]
    ids: dict[str, models.Model | str]

    def address(self, name: str) -> str:
        (pattern,) = (p for p in urlpatterns if getattr(p, "name", "") == name)
        assert isinstance(pattern, URLPattern)
        wanted = pattern.pattern.converters
        found = {key: self.ids[key.removesuffix("_id")] for key in wanted}
        ids = {key: getattr(value, "pk", value) for key, value in found.items()}
        return reverse(name, kwargs=ids)


@pytest.fixture
def world(case: Case, alice: User, laboratory: Laboratory) -> World:
    people = {"alice": alice}
    for name, role in (("bob", Role.PATHOLOGIST), ("dora", Role.ADMINISTRATOR)):
        people[name] = User.objects.create_user(name, password=PASSWORD)
        add_member(laboratory=laboratory, user=people[name], role=role)
    answered, waiting, failed, running = (
        submitted(case, alice, name) for name in ("one", "two", "three", "four")
    )
    answer(answered)
    Laboratory.objects.update(may_fetch=True)
    case.laboratory.refresh_from_db()
    ask_to_fetch(case=case, url="https://images.example.org/5.png", asked_by=alice)
    post_message(case=case, author=alice, text="Please look at the second one.")
    for image in (failed, running):
        image.analyses.all().delete()
    make_failed(failed)
    make_running(running)
    ids: dict[str, models.Model | str] = {
        "case": case,
        "image": answered,
        "analysis": answered.analyses.get(),
    }
    states: dict[str, models.Model | str] = {
        "waiting": waiting,
        "failed": failed,
        "running": running,
        "void": waiting,
    }
    return World(people, ids | states | administered(laboratory, people))


def administered(
    laboratory: Laboratory, people: dict[str, User]
) -> dict[str, models.Model | str]:
    """What an administrator looks after, here and in a laboratory next door."""
    next_door = create_laboratory(name="South")
    add_member(laboratory=next_door, user=people["dora"], role=Role.ADMINISTRATOR)
    token, _ = issue_token(user=people["alice"], name="scanner")
    offer, secret = invite(
        laboratory=laboratory,
        role=Role.TECHNICIAN,
        note="Ida",
        invited_by=people["dora"],
    )
    return {
        "laboratory": laboratory,
        "membership": people["bob"].memberships.get(),
        "token": token,
        "invitation": offer,
        "secret": secret,
    }


def submitted(case: Case, person: User, name: str) -> Image:
    part = store().begin()
    part.write(picture(seed=name))
    received = ReceivedFile(f"{name}.png", part)
    return submit_image(
        case=case, uploaded_by=person, received=received, spacing_um=None
    ).image


@pytest.fixture
def sign_in(page: Page, world: World) -> Callable[[str], Page]:
    """A page before which this person sits."""

    def sign_in(name: str) -> Page:
        if name:
            page.goto("/sign-in/")
            page.get_by_label("Username").fill(name)
            page.get_by_label("Password").fill(PASSWORD)
            page.get_by_role("button", name="Sign in").click()
            page.wait_for_url(WORKLIST)
        return page

    return sign_in


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    """All findings; written where ACCESSIBILITY_REPORT says, if it says."""
    report = Report()
    yield report
    if path := os.environ.get("ACCESSIBILITY_REPORT"):
        report.write(Path(path))


def check(page: Page, report: Report, name: str) -> None:
    findings = report.findings[name] = examine(page)
    faults = [f"{f.view}: {fault}" for f in findings for fault in f.faults]
    assert faults == []


# --- The pages ----------------------------------------------------------------


def test_every_address_has_a_row_here_or_is_no_page() -> None:
    assert {*PAGES} | NO_PAGES == NAMES
    assert not {*PAGES} & NO_PAGES


@pytest.mark.parametrize("name", sorted(PAGES))
def test_page_breaks_no_rule(
    name: str, sign_in: Callable[[str], Page], world: World, report: Report
) -> None:
    seen = PAGES[name]
    page = sign_in(seen.by)
    page.goto(world.address(name))
    expect(page.locator(seen.shows).first).to_be_visible()
    check(page, report, name)


def test_what_breaks_a_rule_is_found(page: Page, portal: str) -> None:
    page.goto("/sign-in/")
    page.evaluate(
        """() => {
            const part = document.createElement("div");
            part.innerHTML =
              '<input><p class="pale">pale</p><p class="wide">wide</p>' +
              '<button class="tiny">a</button><button class="tiny">b</button>';
            document.querySelector("main").append(part);
            const sheet = new CSSStyleSheet();
            sheet.replaceSync(
              ".pale { color: #999; background: #aaa } .wide { width: 1400px }" +
              ".tiny { all: unset; width: 9px; height: 9px; display: inline-block }");
            document.adoptedStyleSheets = [sheet];
        }"""
    )
    for finding in examine(page):
        said = " ".join(finding.faults)
        for rule in ("label:", "color-contrast:", "target-size:", "scrolls sideways"):
            assert rule in said, finding.view


# --- States that an address alone does not show -----------------------------------


def test_empty_worklist_breaks_no_rule(signed_in: Page, report: Report) -> None:
    expect(signed_in.get_by_role("heading", name="No case yet")).to_be_visible()
    check(signed_in, report, "case-list, empty")


def test_refused_form_breaks_no_rule(
    sign_in: Callable[[str], Page], report: Report
) -> None:
    page = sign_in("alice")
    page.goto("/cases/new/")
    page.get_by_label("Accession number").fill("S26-0001")
    page.get_by_label("Patient code").fill("P-2")
    page.get_by_role("button", name="Open the case").click()
    expect(page.locator(".errors, .errorlist").first).to_be_visible()
    check(page, report, "case-new, refused")


def test_worklist_at_work_breaks_no_rule(
    sign_in: Callable[[str], Page], report: Report
) -> None:
    page = sign_in("alice")
    page.get_by_text("Filter and sort").click()
    expect(page.get_by_role("button", name="Apply")).to_be_visible()
    check(page, report, "case-list, filters open")
    page.locator("input[name=case]").check()
    page.get_by_role("button", name="Make urgent").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    check(page, report, "case-list, changed")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Keyboard").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    check(page, report, "case-list, help open")
    page.goto("/cases/?q=nowhere")
    expect(page.get_by_role("heading", name="No case fits")).to_be_visible()
    check(page, report, "case-list, nothing found")


@pytest.mark.parametrize("state", ["waiting", "failed", "running", "void"])
def test_image_in_another_state_breaks_no_rule(
    state: str, sign_in: Callable[[str], Page], world: World, report: Report
) -> None:
    image = world.ids[state]
    assert isinstance(image, Image)
    if state == "void":
        withdraw_image(
            image=image, reason="Another case.", withdrawn_by=world.people["alice"]
        )
    page = sign_in("alice")
    page.goto(f"/images/{image.pk}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check(page, report, f"image-detail, {state}")


def test_image_that_was_read_breaks_no_rule(
    sign_in: Callable[[str], Page], world: World, report: Report
) -> None:
    review_answer(
        prediction=Prediction.objects.get(),
        reader=world.people["bob"],
        verdict=Verdict.BENIGN,
        comment="Sclerosing adenosis.",
    )
    page = sign_in("bob")
    page.goto(world.address("image-detail"))
    expect(page.get_by_text("Sclerosing adenosis.").first).to_be_visible()
    check(page, report, "image-detail, read")


def test_finished_and_refused_uploads_break_no_rule(
    sign_in: Callable[[str], Page], world: World, tmp_path: Path, report: Report
) -> None:
    page = sign_in("alice")
    page.goto(world.address("case-detail"))
    for name in ("good.png", "broken.png"):
        (tmp_path / name).write_bytes(picture(seed=name))
    (tmp_path / "broken.png").write_bytes(b"broken")
    page.set_input_files("#files", [tmp_path / "good.png", tmp_path / "broken.png"])
    expect(page.locator("#upload-summary")).to_have_text("1 accepted, 1 refused")
    check(page, report, "case-detail, after an upload")


def test_checked_and_finished_import_break_no_rule(
    sign_in: Callable[[str], Page], tmp_path: Path, report: Report
) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        (folder / name).write_bytes(picture(seed=name))
    (folder / "list.csv").write_text(
        "file,accession_number,patient_code\na.png,S26-7,P-7\nc.png,S26-7,P-7\n"
    )
    page = sign_in("alice")
    page.goto("/import/")
    page.set_input_files("#folder", folder)
    page.get_by_role("button", name="Check").click()
    expect(page.locator("#import-result")).to_be_visible()
    check(page, report, "import-new, checked")
    page.get_by_role("button", name="Import 1 file").click()
    expect(page.locator("#report")).to_be_visible()
    check(page, report, "import-new, finished")


def test_secret_that_is_shown_once_breaks_no_rule(
    sign_in: Callable[[str], Page], world: World, report: Report
) -> None:
    page = sign_in("dora")
    page.goto(world.address("invitation-new"))
    page.get_by_label("For whom").fill("Ida")
    page.get_by_role("radio").first.check()
    page.get_by_role("button", name="Make the link").click()
    expect(page.locator("#secret")).to_be_visible()
    check(page, report, "invitation-new, with its link")


@pytest.mark.parametrize("name", ["problems", "problems/not_allowed"])
def test_page_about_a_problem_of_the_api_breaks_no_rule(
    name: str, page: Page, portal: str, report: Report
) -> None:
    page.goto(f"/api/v1/{name}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    check(page, report, f"api: {name}")


# --- When something is wrong ------------------------------------------------------


@pytest.mark.parametrize("status", sorted(ERRORS))
def test_error_page_breaks_no_rule_and_leads_back(
    status: int, page: Page, portal: str, settings: Settings, report: Report
) -> None:
    settings.ROOT_URLCONF = "tests.browser.broken"
    response = page.goto(f"/broken/{status}/")
    assert response
    assert response.status == status
    expect(page.get_by_role("link", name="Go to the cases")).to_be_visible()
    check(page, report, f"error {status}")


def test_lost_server_is_said_without_breaking_a_rule(
    sign_in: Callable[[str], Page], world: World, report: Report
) -> None:
    page = sign_in("alice")
    page.goto(world.address("case-detail"))
    page.context.set_offline(offline=True)
    expect(page.locator("#offline")).to_be_visible()
    check(page, report, "case-detail, offline")
