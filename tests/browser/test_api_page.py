"""The API's page under the strict policy: `page` fails on any refusal it logs."""

from playwright.sync_api import Page, expect


def test_the_api_can_be_read_in_a_browser(page: Page) -> None:
    page.goto("/api/v1/")
    expect(page.get_by_role("heading", name="histoapp")).to_be_visible()
    schema = page.request.get("/api/v1/schema", headers={"Accept": "application/json"})
    operations = sum(len(methods) for methods in schema.json()["paths"].values())
    expect(page.locator(".opblock")).to_have_count(operations)
    page.locator(".opblock-summary", has_text="/cases/{case_id}/images").first.click()
    expect(page.get_by_text("The images of a case.").first).to_be_visible()
    assert page.locator("body").evaluate("body => getComputedStyle(body).margin")
