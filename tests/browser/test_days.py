"""A day of each of the four: technician, pathologist, administrator, integrator."""

import re
from collections.abc import Callable, Iterator

import pytest
import requests
from django.contrib.auth.models import User
from playwright.sync_api import Browser, FilePayload, Page, expect

from predictions.models import AuditEvent, Case, Image, Laboratory, Review, Role
from predictions.services.laboratories import add_member
from tests.browser.conftest import PASSWORD, WORKLIST
from tests.browser.pictures import picture
from tests.browser.test_portal import answer, needs_viewer

SignIn = Callable[[str], Page]


@pytest.fixture
def staff(laboratory: Laboratory, alice: User) -> None:
    """Who works beside alice."""
    for name, role in (("bob", Role.PATHOLOGIST), ("dora", Role.ADMINISTRATOR)):
        person = User.objects.create_user(name, password=PASSWORD)
        add_member(laboratory=laboratory, user=person, role=role)


@pytest.fixture
def sign_in(chromium: Browser, portal: str, staff: None) -> Iterator[SignIn]:
    """Each person has a browser of their own."""
    contexts = []

    def sign_in(name: str) -> Page:
        context = chromium.new_context(base_url=portal)
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.goto("/")
        page.get_by_label("Username").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.keyboard.press("Enter")
        page.wait_for_url(WORKLIST)
        return page

    yield sign_in
    for context in contexts:
        context.close()


def open_case_with(page: Page, accession_number: str, *names: str) -> Case:
    """Open a case and upload pictures, as a technician does."""
    page.get_by_role("link", name="New case").first.click()
    page.get_by_label("Accession number").fill(accession_number)
    page.get_by_label("Patient code").fill("P-7")
    page.get_by_role("button", name="Open the case").click()
    page.wait_for_url(re.compile(r"/cases/[0-9a-f-]{36}/"))
    pictures: list[FilePayload] = [
        {"name": name, "mimeType": "image/png", "buffer": picture(seed=name)}
        for name in names
    ]
    page.locator("#files").set_input_files(pictures)
    expect(page.locator(".upload-row.is-accepted")).to_have_count(len(names))
    return Case.objects.get(accession_number=accession_number)


@needs_viewer
def test_technician_and_pathologist_take_a_case_from_opening_to_reviewed(
    sign_in: SignIn,
) -> None:
    alice, bob = sign_in("alice"), sign_in("bob")
    case = open_case_with(alice, "S26-0077", "one.png", "two.png", "wrong.png")
    for image in case.images.all():
        answer(image)
    expect(alice.locator("#images .chip", has_text="Malignant")).to_have_count(3)

    # One is of another patient: it leaves the case, and nothing of it is lost.
    wrong = case.images.get(filename="wrong.png")
    alice.get_by_role("link", name="wrong.png").first.click()
    alice.get_by_role("link", name="Withdraw").click()
    alice.get_by_label("Reason").fill("Of another patient.")
    alice.get_by_role("button", name="Withdraw").click()
    expect(alice.locator("main")).to_contain_text("Of another patient.")
    assert Image.objects.standing().filter(case=case).count() == 2
    assert wrong.analyses.get().prediction.outcome == "malignant"

    # The pathologist finds it among what is to review, takes it, reads both.
    bob.get_by_role("link", name="To review").click()
    bob.get_by_role("link", name="S26-0077").click()
    bob.get_by_role("button", name="Assign to me").click()
    expect(bob.get_by_role("main")).not_to_contain_text("two.png")  # alice's name.
    for verdict in ("Agree with the model: malignant", "Override: benign"):
        bob.goto(f"/cases/{case.pk}/")
        bob.locator(".image-card", has_text="Not read yet").first.get_by_role(
            "link"
        ).first.click()
        bob.get_by_label(verdict).check()
        bob.get_by_label("Comment").fill("A fibroadenoma.")
        bob.get_by_role("button", name="Record this reading").click()
        expect(bob.locator(".reading")).to_be_visible()
    assert set(Review.objects.values_list("agrees", flat=True)) == {False, True}
    bob.goto("/cases/?status=reviewed")
    expect(bob.get_by_role("link", name="S26-0077")).to_be_visible()


def test_administrator_sets_the_laboratory_up_and_reads_the_trail(
    sign_in: SignIn, laboratory: Laboratory
) -> None:
    dora = sign_in("dora")
    dora.get_by_role("link", name="Laboratory").click()
    dora.get_by_role("link", name="Settings").click()
    dora.get_by_label(re.compile("retention", re.IGNORECASE)).fill("3650")
    dora.get_by_label("Let members fetch images by URL").check()
    dora.get_by_role("button", name="Save").click()
    expect(dora.get_by_text("The settings are saved.")).to_be_visible()
    laboratory.refresh_from_db()
    assert (laboratory.retention_days, laboratory.may_fetch) == (3650, True)

    dora.get_by_role("link", name="Audit trail").click()
    expect(dora.get_by_role("table")).to_contain_text("laboratory.change")
    expect(dora.get_by_role("main")).to_contain_text("the chain holds")
    # An administrator of people does not work on cases.
    dora.goto("/cases/")
    expect(dora.get_by_role("link", name="New case")).to_have_count(0)


def test_integrator_makes_a_token_and_a_program_uses_it(
    sign_in: SignIn, portal: str, laboratory: Laboratory
) -> None:
    alice = sign_in("alice")
    alice.goto("/account/tokens/")
    alice.get_by_label("What it is for").fill("scanner in room 2")
    alice.get_by_role("button", name="Make the token").click()
    secret = alice.get_by_label("Token", exact=True).input_value()
    alice.goto("/account/tokens/")
    assert secret not in alice.content()  # It was shown once.

    api = f"{portal}/api/v1"
    program = requests.Session()
    program.headers["Authorization"] = f"Bearer {secret}"
    body = {"accession_number": "S26-0100", "patient": "P-8"}
    once = {"Idempotency-Key": "case S26-0100"}
    first, again = (
        program.post(f"{api}/cases", json=body, headers=once, timeout=15)
        for _ in range(2)
    )
    assert (first.status_code, again.json()) == (201, first.json())
    sent = program.post(
        f"{api}/cases/{first.json()['id']}/images?filename=one.png",
        data=picture(seed="one.png"),
        headers={"Content-Type": "image/png"},
        timeout=15,
    )
    assert sent.status_code == 201, sent.text
    alice.goto("/cases/")
    expect(alice.get_by_role("link", name="S26-0100")).to_be_visible()

    alice.goto("/account/tokens/")
    alice.get_by_role("link", name=re.compile("Revoke")).click()
    alice.get_by_role("button", name=re.compile("Revoke")).click()
    assert program.get(f"{api}/cases", timeout=15).status_code == 401
    assert AuditEvent.objects.filter(action="token.revoke").count() == 1
