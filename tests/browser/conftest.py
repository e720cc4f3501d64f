"""The portal behind a real socket, and a real Chromium in front of it."""

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.contrib.staticfiles.handlers import StaticFilesHandler
from django.test.testcases import LiveServerThread
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)
from pytest_django import Settings

from predictions.models import Case, Laboratory, Role
from predictions.services.cases import open_case
from predictions.services.laboratories import add_member, create_laboratory

expect.set_options(timeout=20_000)  # Beside other tests, on a small machine.

CHROMIUM = shutil.which(os.environ.get("HISTOAPP_CHROMIUM", "chromium"))
# Not the sign-in page that leads there: its address ends so too.
WORKLIST = re.compile(r"^[^?]*/cases/$")
PASSWORD = "correct horse battery staple"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip this folder, saying so, where there is no browser."""
    if CHROMIUM:
        return
    skip = pytest.mark.skip(
        reason="no Chromium here: apt-get install chromium, or set HISTOAPP_CHROMIUM"
    )
    for item in items:
        if "tests/browser/" in item.nodeid:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The browser, for all tests of this process."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread; Django would refuse queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def portal(committed_db: str, settings: Settings) -> Iterator[str]:
    """The address of the portal: plain HTTP over loopback, as on a laptop."""
    settings.SECURE_SSL_REDIRECT = False
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False
    settings.SESSION_COOKIE_NAME, settings.CSRF_COOKIE_NAME = "session", "csrf"
    settings.SECURE_HSTS_SECONDS = 0
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        }
    }
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)  # WhiteNoise wants it.
    server = LiveServerThread("127.0.0.1", StaticFilesHandler)
    server.daemon = True
    server.start()
    server.is_ready.wait()
    if server.error:
        raise server.error
    yield f"http://127.0.0.1:{server.port}"
    server.terminate()


@pytest.fixture
def laboratory(portal: str) -> Laboratory:
    return create_laboratory(name="North", default_spacing_um=0.5)


@pytest.fixture
def alice(laboratory: Laboratory) -> User:
    person = User.objects.create_user("alice", password=PASSWORD)
    add_member(laboratory=laboratory, user=person, role=Role.TECHNICIAN)
    return person


@pytest.fixture
def case(alice: User, laboratory: Laboratory) -> Case:
    return open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0001",
        patient_code="P-0001",
    )


@pytest.fixture
def context(chromium: Browser, portal: str) -> Iterator[BrowserContext]:
    context = chromium.new_context(
        base_url=portal, viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(15_000)
    yield context
    context.close()


def _complaint(said: ConsoleMessage) -> list[str]:
    """Errors of ours; that a request was refused, or broke, is what some tests want."""
    expected = ("Failed to load resource", "htmx:afterRequest", "htmx:sendError")
    if said.type != "error" or said.text.startswith(expected):
        return []
    return [f"{said.location} {said.text}"]


@pytest.fixture
def page(context: BrowserContext) -> Iterator[Page]:
    """A page without errors: no exception, nothing that the policy had to stop."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: complaints.extend(_complaint(said)))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    assert complaints == []


@pytest.fixture
def signed_in(page: Page, alice: User) -> Page:
    """alice at her worklist."""
    page.goto("/")
    page.get_by_label("Username").fill(alice.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(WORKLIST)
    return page
