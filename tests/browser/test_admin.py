"""The admin under the strict policy: `page` fails on any refusal it logs."""

import pytest
from django.apps import apps
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect

from predictions.models import Case
from tests.predictions.records import make_failed, make_image, make_prediction

PASSWORD = "correct horse battery staple"


@pytest.fixture
def keeper(page: Page, portal: str) -> Page:
    """A superuser at the admin."""
    User.objects.create_superuser("root", password=PASSWORD)
    page.goto("/admin/")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Research use only").first).to_be_visible()
    return page


def test_the_admin_works_under_the_policy(
    keeper: Page, case: Case, alice: User
) -> None:
    make_prediction(make_image(case, alice))
    failed = make_failed(make_image(case, alice))
    keeper.get_by_role("link", name="Predictions", exact=True).first.click()
    expect(keeper.get_by_text("0.930, by breast-mil v1.")).to_be_visible()
    keeper.goto("/admin/predictions/analysis/")
    keeper.get_by_role("checkbox").nth(1).check()
    expect(keeper.get_by_text("1 of 2 selected")).to_be_visible()
    keeper.goto(f"/admin/predictions/analysis/{failed.pk}/change/")
    expect(keeper.get_by_text("The model server is away.")).to_be_visible()


def test_a_member_is_chosen_by_typing(keeper: Page, case: Case, alice: User) -> None:
    keeper.goto("/admin/predictions/membership/add/")
    keeper.locator(".field-user .select2-selection").click()
    keeper.locator(".select2-search__field").fill("ali")
    expect(keeper.locator(".select2-results__option").first).to_have_text("alice")


LISTS = [
    "auth/user",
    *(
        f"predictions/{model._meta.model_name}"
        for model in apps.get_app_config("predictions").get_models()
    ),
]


def test_every_list_works_under_the_policy(
    keeper: Page, case: Case, alice: User
) -> None:
    """Its rows, and its search."""
    make_prediction(make_image(case, alice))
    for name in LISTS:
        keeper.goto(f"/admin/{name}/")
        expect(keeper.locator("#changelist")).to_be_visible()
        keeper.locator("#searchbar").fill("S26")
        keeper.locator("#changelist-search input[type=submit]").click()
        expect(keeper.locator("#searchbar")).to_have_value("S26")


def test_every_list_fits_a_phone(keeper: Page, case: Case, alice: User) -> None:
    make_prediction(make_image(case, alice))
    keeper.set_viewport_size({"width": 390, "height": 844})
    for name in LISTS:
        keeper.goto(f"/admin/{name}/")
        wider_px = keeper.evaluate(
            "() => document.documentElement.scrollWidth - window.innerWidth"
        )
        assert wider_px <= 0, name
