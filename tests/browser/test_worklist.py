"""The worklist and a case's messages, with keys and without a reload."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from predictions.models import Case, Laboratory
from predictions.services.cases import open_case
from predictions.services.messages import post_message


@pytest.fixture
def three(signed_in: Page, alice: User, laboratory: Laboratory) -> Page:
    """alice at a list of S26-1, S26-2 and M26-3."""
    for number in ("S26-1", "S26-2", "M26-3"):
        open_case(
            laboratory=laboratory,
            opened_by=alice,
            accession_number=number,
            patient_code="P-1",
        )
    signed_in.goto("/cases/?order=accession_number")
    return signed_in


def test_list_is_walked_chosen_and_opened_with_keys(three: Page) -> None:
    keys = three.keyboard
    keys.press("j")
    expect(three.get_by_role("link", name="M26-3")).to_be_focused()
    keys.press("ArrowDown")
    expect(three.get_by_role("link", name="S26-1")).to_be_focused()
    keys.press("k")
    keys.press("k")
    expect(three.get_by_role("link", name="M26-3")).to_be_focused()
    bar = three.locator("#bulk-bar")
    expect(bar).to_be_hidden()
    keys.press("x")
    expect(bar).to_contain_text("1 case chosen")
    keys.press("/")
    expect(three.get_by_role("searchbox")).to_be_focused()
    keys.type("j?")
    expect(three.locator("#keys-help")).to_be_hidden()
    expect(three).to_have_url(re.compile(r"q=j%3F"))
    three.goto("/cases/?order=accession_number")
    keys.press("j")
    keys.press("Enter")
    expect(three.get_by_role("heading", name="Case M26-3")).to_be_visible()


def test_keys_are_explained_and_can_be_turned_off(three: Page) -> None:
    keys = three.keyboard
    keys.press("?")
    expect(three.get_by_role("dialog", name="Keyboard")).to_be_visible()
    three.get_by_label("Use these keys").uncheck()
    keys.press("Escape")
    three.reload()
    keys.press("j")
    keys.press("?")
    expect(three.locator("#keys-help")).to_be_hidden()
    expect(three.get_by_role("link", name="M26-3")).not_to_be_focused()
    three.get_by_role("button", name="Keyboard").click()
    expect(three.get_by_role("dialog", name="Keyboard")).to_be_visible()


def test_search_narrows_without_a_reload_and_stands_in_the_address(three: Page) -> None:
    three.evaluate("window.notReloaded = true")
    three.get_by_role("searchbox").fill("S26")
    expect(three.locator(".row-link")).to_have_text(["S26-1", "S26-2"])
    expect(three).to_have_url(re.compile(r"/cases/\?q=S26&order=accession_number$"))
    expect(three.locator("#live")).to_have_text("2 cases found")
    assert three.evaluate("window.notReloaded")
    three.go_back()
    expect(three.locator(".row-link")).to_have_text(["M26-3", "S26-1", "S26-2"])


def test_chosen_cases_are_made_urgent_and_that_is_undone(three: Page) -> None:
    three.get_by_label("Choose all of this page").check()
    three.get_by_role("button", name="Make urgent").click()
    expect(three.get_by_text("3 cases made urgent.")).to_be_visible()
    assert Case.objects.filter(priority=0).count() == 3
    three.get_by_role("button", name="Undo").click()
    expect(three.get_by_text("3 cases put back as before.")).to_be_visible()
    assert not Case.objects.filter(priority=0).exists()
    expect(three).to_have_url(re.compile("order=accession_number"))


def test_message_appears_without_a_reload_and_so_does_anothers(
    signed_in: Page, case: Case, alice: User
) -> None:
    page = signed_in
    page.goto(f"/cases/{case.pk}/")
    page.evaluate("window.notReloaded = true")
    box = page.get_by_label("Write a message")
    box.fill("Recut ordered.")
    page.get_by_role("button", name="Post").click()
    expect(page.locator(".message-text")).to_have_text(["Recut ordered."])
    expect(box).to_have_value("")
    expect(page.locator("#timeline")).to_contain_text("alice wrote a message")
    box.fill("   ")
    page.get_by_role("button", name="Post").click()
    expect(page.get_by_text("needs 1 to 4000 characters")).to_be_visible()
    expect(box).to_have_value("   ")
    post_message(case=case, author=alice, text="It came.")
    expect(page.locator(".message-text")).to_have_text(
        ["Recut ordered.", "It came."],
        timeout=25_000,  # The list asks every 10 s.
    )
    assert page.evaluate("window.notReloaded")
