"""Inviting, joining, disabling: by two people at two browsers."""

import re

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect

from predictions.models import Laboratory, Role
from predictions.services.laboratories import add_member
from tests.browser.accessibility import AXE, examine
from tests.browser.conftest import PASSWORD, WORKLIST

NEW_PASSWORD = "a quite different sentence"


@pytest.fixture
def dora(laboratory: Laboratory) -> User:
    person = User.objects.create_user("dora", password=PASSWORD)
    add_member(laboratory=laboratory, user=person, role=Role.ADMINISTRATOR)
    return person


@pytest.fixture
def at_dora(page: Page, dora: User, alice: User) -> Page:
    """dora at the members of her laboratory."""
    page.goto("/laboratories/")
    page.get_by_label("Username").fill("dora")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"^[^?]*/members/$"))
    return page


def test_from_an_invitation_to_a_member_and_out_again(
    at_dora: Page, chromium: Browser, portal: str
) -> None:
    at_dora.get_by_role("link", name="Invite somebody").click()
    at_dora.get_by_label("For whom").fill("Henry")
    at_dora.get_by_label("Pathologist").check()
    at_dora.get_by_role("button", name="Make the link").click()
    link = at_dora.get_by_label("Link").input_value()
    assert link.startswith(f"{portal}/invitations/")

    elsewhere = chromium.new_context(base_url=portal)
    henry = elsewhere.new_page()
    henry.goto(link)
    expect(henry.get_by_role("heading", level=1)).to_have_text("Join North")
    henry.get_by_label("Username").fill("henry")
    henry.get_by_label("Password", exact=True).fill(NEW_PASSWORD)
    henry.get_by_label("The same password again").fill(NEW_PASSWORD)
    henry.get_by_role("button", name="Make the account, and join").click()
    henry.wait_for_url(WORKLIST)
    expect(henry.locator(".banner", has_text="Welcome to North")).to_be_visible()

    at_dora.get_by_role("link", name="Back to the members").click()
    at_dora.get_by_role("link", name=re.compile("Disable\\s*henry")).click()
    at_dora.get_by_role("button", name="Disable henry").click()
    expect(at_dora.get_by_text("henry is disabled.")).to_be_visible()

    henry.reload()
    henry.wait_for_url("**/sign-in/**")
    elsewhere.close()


def test_the_link_is_copied_by_a_button(at_dora: Page) -> None:
    at_dora.context.grant_permissions(["clipboard-read", "clipboard-write"])
    at_dora.get_by_role("link", name="Invite somebody").click()
    at_dora.get_by_label("For whom").fill("Henry")
    at_dora.get_by_label("Technician").check()
    at_dora.get_by_role("button", name="Make the link").click()
    at_dora.get_by_role("button", name="Copy").click()
    expect(at_dora.locator("#secret-said")).to_contain_text("Copied.")
    copied = at_dora.evaluate("() => navigator.clipboard.readText()")
    assert copied == at_dora.get_by_label("Link").input_value()


def test_the_account_menu_works_by_keyboard(signed_in: Page) -> None:
    menu = signed_in.locator("details.account")
    menu.locator("summary").focus()
    signed_in.keyboard.press("Enter")
    expect(menu.get_by_role("link", name="API tokens")).to_be_visible()
    signed_in.keyboard.press("Tab")
    signed_in.keyboard.press("Tab")
    signed_in.keyboard.press("Tab")
    signed_in.keyboard.press("Enter")
    signed_in.wait_for_url("**/sign-in/")


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core here: make setup fetches it")
def test_open_menu_and_shown_secret_break_no_rule(signed_in: Page) -> None:
    signed_in.goto("/account/tokens/")
    signed_in.get_by_label("What it is for").fill("scanner")
    signed_in.get_by_role("button", name="Make the token").click()
    expect(signed_in.get_by_label("Token", exact=True)).to_be_visible()
    signed_in.locator("details.account summary").click()
    assert [fault for found in examine(signed_in) for fault in found.faults] == []
