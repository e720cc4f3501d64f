"""Fetching by URL as a person sees it: asked for, failed, fetched, taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db import connections
from playwright.sync_api import Page, expect
from pytest_django import Settings

from predictions.models import Case, Fetch, Laboratory
from tests.fields import field_png
from tests.worker.web import OUTSIDE, Names, Site, answer, make_web
from worker import fetch_tasks

HOST = "images.example"


@pytest.fixture
def site(
    laboratory: Laboratory,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:
    """A public server, and a laboratory that fetches from it."""
    settings.STORAGE_ROOT = tmp_path / "files"
    monkeypatch.setattr(fetch_tasks, "WEB", make_web(Names({HOST: [[OUTSIDE]]})))
    with Site(OUTSIDE) as site:
        site.says["/field.png"] = answer(field_png())
        site.says["/gone.png"] = answer(status="404 Not Found")
        laboratory.may_fetch = True
        laboratory.fetch_hosts = [f"{HOST}:{site.port}"]
        laboratory.save()
        yield site
    connections.close_all()


def ask(page: Page, url: str) -> None:
    page.get_by_label("Address of the image").fill(url)
    page.get_by_role("button", name="Fetch", exact=True).click()


def work() -> None:
    """What the dispatcher and a worker would do by now."""
    for fetch in Fetch.objects.due():
        fetch_tasks.fetch(str(fetch.pk))


def test_an_image_is_fetched_into_the_page(
    signed_in: Page, case: Case, site: Site
) -> None:
    page = signed_in
    page.goto(f"/cases/{case.pk}/")
    listed = page.locator("#fetches")
    expect(listed).to_contain_text("Nothing was fetched for this case yet.")

    ask(page, "http://127.0.0.1/field.png")
    expect(listed).to_contain_text("This address cannot be fetched from.")
    field = page.get_by_label("Address of the image")
    expect(field).to_have_value("http://127.0.0.1/field.png")

    ask(page, f"http://{HOST}:{site.port}/field.png")
    expect(listed).to_contain_text("Waiting")
    expect(field).to_have_value("")
    work()
    expect(listed).to_contain_text("Fetched")
    expect(page.locator("#images .image-card")).to_have_count(1)


def test_a_failed_fetch_is_tried_again_and_a_waiting_one_taken_back(
    signed_in: Page, case: Case, site: Site, alice: User
) -> None:
    page = signed_in
    page.goto(f"/cases/{case.pk}/")
    listed = page.locator("#fetches")
    expect(listed).to_contain_text("Nothing was fetched")
    ask(page, f"http://{HOST}:{site.port}/gone.png")
    expect(listed).to_contain_text("Waiting")
    work()
    expect(listed).to_contain_text("The server answered 404")
    listed.get_by_role("button", name="Retry").press("Enter")
    expect(listed).to_contain_text("Waiting")
    listed.get_by_role("button", name="Cancel").press("Enter")
    expect(listed).to_contain_text("Cancelled")
    assert Fetch.objects.filter(asked_by=alice).count() == 2
