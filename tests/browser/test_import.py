"""Importing a folder, in a real browser."""

import csv
import io
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from predictions.models import Case, Image, Laboratory
from tests.browser.pictures import picture

LIST = """\
file,accession_number,patient_code,spacing_um
a.png,S26-7,P-7,0.25
day two/b.png,S26-7,P-7,
day two/again.png,S26-7,P-7,
=broken.png,S26-8,P-8,
gone.png,S26-9,P-9,
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two good files, a duplicate, a broken one, and one that no row names."""
    folder = tmp_path / "scans"
    (folder / "day two").mkdir(parents=True)
    for name in ("a.png", "day two/b.png", "spare.png"):
        (folder / name).write_bytes(picture(seed=name))
    (folder / "day two" / "again.png").write_bytes(picture(seed="day two/b.png"))
    (folder / "=broken.png").write_bytes(picture(seed="broken")[:300])
    return folder


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "list.csv"
    path.write_text(LIST)
    return path


@pytest.fixture
def at_import(signed_in: Page) -> Page:
    signed_in.get_by_role("link", name="Import a folder").click()
    expect(signed_in.get_by_role("heading", name="Import a folder")).to_be_visible()
    return signed_in


@pytest.fixture
def checked(at_import: Page, folder: Path, manifest: Path) -> Page:
    at_import.set_input_files("#manifest", manifest)
    at_import.set_input_files("#folder", folder)
    at_import.get_by_role("button", name="Check").click()
    expect(at_import.locator("#import-result")).to_be_visible()
    return at_import


def states(page: Page) -> list[str]:
    return page.locator("#import-list .import-state").all_inner_texts()


def words(page: Page) -> list[str]:
    return page.locator("#import-list .upload-words").all_inner_texts()


def test_check_says_what_would_happen_and_stores_nothing(checked: Page) -> None:
    assert states(checked) == [
        "Opens a case",
        "Adds to a case",
        "Adds to a case",
        "Opens a case",
        "Refused",
    ]
    assert words(checked)[-1] == "The file is not in the folder."
    expect(checked.locator("#import-summary")).to_have_text(
        "4 files for 2 cases, 2 cases to open, 1 row refused"
    )
    expect(checked.locator("#import-unnamed summary")).to_contain_text("1 image")
    expect(checked.get_by_role("heading", name="What would happen")).to_be_focused()
    checked.get_by_label("Problems only").check()
    expect(checked.locator("#import-list tr:visible")).to_have_count(1)
    assert not Case.objects.exists()


def test_folder_is_imported_and_every_file_says_what_became_of_it(
    checked: Page,
) -> None:
    checked.get_by_role("button", name="Import 4 files").click()
    summary = checked.locator("#import-summary")
    expect(summary).to_have_text(
        "2 accepted, 1 there already, 1 refused; 1 row refused by the check"
    )
    assert sorted(states(checked)) == [
        "Accepted",
        "Accepted",
        "Refused",
        "Refused",
        "There already",
    ]
    assert "damaged" in words(checked)[3]
    assert Case.objects.count() == 2
    image = Image.objects.get(filename="a.png")
    assert (image.case.accession_number, image.spacing_um) == ("S26-7", 0.25)
    checked.get_by_role("link", name="Open that one").click()
    checked.wait_for_url("**/images/*/")


def test_result_is_a_file_that_no_spreadsheet_runs(checked: Page) -> None:
    checked.get_by_role("button", name="Import 4 files").click()
    with checked.expect_download() as downloading:
        checked.get_by_role("link", name="Download the result").click()
    content = Path(downloading.value.path()).read_text(encoding="utf-8-sig")
    assert downloading.value.suggested_filename == "import-result.csv"
    lines = list(csv.DictReader(io.StringIO(content)))
    assert [line["line"] for line in lines] == ["2", "3", "4", "5", "6"]
    assert lines[3]["file"] == "'=broken.png"
    assert lines[0]["state"] == "accepted"
    assert lines[0]["address"].startswith("http")
    assert "not in the folder" in lines[4]["reason"]


def test_the_same_import_again_repeats_nothing(checked: Page) -> None:
    for _ in range(2):
        checked.get_by_role("button", name="Import 4 files").click()
        expect(checked.locator("#report")).to_be_visible()
        checked.get_by_role("button", name="Check").click()
        expect(checked.locator("#start")).to_be_visible()
    assert states(checked)[:4] == ["Adds to a case"] * 4
    assert (Case.objects.count(), Image.objects.count()) == (2, 2)


def test_broken_connection_is_said_and_all_are_retried(checked: Page) -> None:
    upload = re.compile("/upload/$")
    checked.route(upload, lambda route: route.abort())
    checked.get_by_role("button", name="Import 4 files").click()
    expect(checked.locator("#import-summary")).to_contain_text("4 to be retried")
    assert not Image.objects.exists()
    checked.unroute(upload)
    checked.get_by_role("button", name="Retry all").click()
    expect(checked.locator("#import-summary")).to_contain_text("2 accepted")
    expect(checked.get_by_role("button", name="Retry all")).to_be_hidden()


def test_import_is_cancelled_and_leaving_it_is_warned_of(checked: Page) -> None:
    held: list[Route] = []
    checked.route(re.compile("/upload/$"), lambda route: held.append(route))  # noqa: PLW0108 - Playwright marks what it is given.
    checked.get_by_role("button", name="Import 4 files").click()
    expect(checked.get_by_role("button", name="Cancel all")).to_be_focused()
    expect(checked.locator("#import-left")).to_contain_text("0 of 4 files")
    expect(checked.get_by_role("button", name="Check")).to_be_disabled()
    warned: list[str] = []

    def stay(dialog: object) -> None:
        warned.append(dialog.type)  # type: ignore[attr-defined]  # Playwright's Dialog.
        dialog.dismiss()  # type: ignore[attr-defined]  # As above.

    checked.on("dialog", stay)
    checked.close(run_before_unload=True)
    checked.wait_for_timeout(500)
    assert warned == ["beforeunload"]
    checked.get_by_role("button", name="Cancel all").click()
    expect(checked.locator("#import-summary")).to_contain_text("4 cancelled")
    assert not Image.objects.exists()


def test_a_list_that_cannot_be_read_is_said_where_it_is_looked_for(
    at_import: Page, tmp_path: Path
) -> None:
    at_import.get_by_role("button", name="Check").click()
    problem = at_import.locator("#import-problem")
    expect(problem).to_contain_text("Choose the list first")
    bad = tmp_path / "bad.csv"
    bad.write_bytes("file,accession_number,patient_code\nä.png,1,2\n".encode("cp1252"))
    at_import.set_input_files("#manifest", bad)
    at_import.get_by_role("button", name="Check").click()
    expect(problem).to_contain_text("save it as “CSV UTF-8”")
    at_import.route(re.compile("/check/$"), lambda route: route.abort())
    at_import.get_by_role("button", name="Check").click()
    expect(problem).to_contain_text("The server cannot be reached")


def test_a_list_inside_the_folder_is_taken(
    at_import: Page, folder: Path, laboratory: Laboratory
) -> None:
    (folder / "list.csv").write_text(LIST)
    at_import.set_input_files("#folder", folder)
    expect(at_import.locator("#manifest-said")).to_have_text("Chosen: list.csv")
    at_import.get_by_role("button", name="Check").click()
    expect(at_import.locator("#import-list tr")).to_have_count(5)


def test_a_folder_is_dropped(at_import: Page, folder: Path, manifest: Path) -> None:
    at_import.set_input_files("#manifest", manifest)
    box = at_import.locator("[data-drop=folder]").bounding_box()
    assert box
    hand = at_import.context.new_cdp_session(at_import)  # As the desktop drops it.
    for kind in ("dragEnter", "dragOver", "drop"):
        hand.send(
            "Input.dispatchDragEvent",
            {
                "type": kind,
                "x": box["x"] + 20,
                "y": box["y"] + 20,
                "data": {"items": [], "files": [str(folder)], "dragOperationsMask": 1},
            },
        )
    expect(at_import.locator("#folder-said")).to_contain_text("Chosen: 5 files")
    at_import.get_by_role("button", name="Check").click()
    expect(at_import.locator("#import-summary")).to_contain_text("4 files for 2 cases")
