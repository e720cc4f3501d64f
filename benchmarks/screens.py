"""Take the pictures of docs/screens from the running demo.

make run, and then: python -m benchmarks.screens URL PASSWORD [--chromium PATH]

Every page wide and narrow; the first half in light colours, the rest in dark ones. The
images are the generator's, the answers the bundled model's.
"""

import argparse
import shutil
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "screens"
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
CASE = "DEMO-26-0001"
SETTLED_MS = 1500  # The heatmap is drawn over the picture.


class Camera:
    """One person's browser, in one size."""

    def __init__(self, page: Page, url: str, size: str) -> None:
        self.page, self.url, self.size = page, url, size

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto(f"{self.url}/sign-in/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.keyboard.press("Enter")
        self.page.get_by_role("heading", name="Cases").wait_for()

    def shoot(self, name: str, path: str = "") -> None:
        if path:
            self.page.goto(f"{self.url}{path}")
        self.page.wait_for_load_state()
        self.page.wait_for_timeout(SETTLED_MS)
        file = FOLDER / f"{name}-{self.size}.jpg"
        self.page.screenshot(path=file, type="jpeg", quality=70, full_page=True)


def of_the_pathologist(camera: Camera) -> None:
    camera.shoot("worklist")
    camera.page.get_by_role("link", name=CASE).click()
    camera.shoot("case")
    camera.page.locator("a.image-card-link").nth(1).click()
    camera.shoot("image")
    camera.shoot("import", "/import/")


def of_the_administrator(camera: Camera) -> None:
    camera.shoot("members", "/laboratories/")
    camera.page.get_by_role("link", name="Audit trail").click()
    camera.shoot("audit")
    camera.shoot("queue", "/admin/predictions/reviewqueue/")


def take(browser: Browser, url: str, password: str) -> None:
    for size, (width, height) in SIZES.items():
        for name, scheme, visit in (
            ("pathologist", "light", of_the_pathologist),
            ("administrator", "dark", of_the_administrator),
        ):
            context = browser.new_context(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
                reduced_motion="reduce",
            )
            camera = Camera(context.new_page(), url, size)
            camera.sign_in(name, password)
            visit(camera)
            context.close()


def main() -> None:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("password", help="of the demo, as make run prints it")
    parser.add_argument("--chromium", default=shutil.which("chromium"))
    asked = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=asked.chromium, args=["--no-sandbox"]
        )
        take(browser, asked.url.rstrip("/"), asked.password)
        browser.close()


if __name__ == "__main__":
    main()
