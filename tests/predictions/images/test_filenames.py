"""A file's name is shown, never obeyed."""

import json
import unicodedata

import pytest

from predictions.images.errors import ImageRefusedError
from predictions.images.filenames import MAX_NAME_CHARACTERS, check_filename
from tests.data import TEST_DATA, needs_test_data


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("patch.png", "patch.png"),
        ("Patch.TIF", "Patch.TIF"),
        ("../../../../etc/x.png", "x.png"),
        ("..\\..\\x.png", "x.png"),
        ("C:\\scans\\x.jpeg", "x.jpeg"),
        ("x\r\nX-Injected: 1.png", "xX-Injected: 1.png"),
        ("\ufeffx.png", "x.png"),
        ("photo\u202egnp.jpg", "photognp.jpg"),
        ("x.png. ", "x.png"),
        ("   .png", "image.png"),
        ("e\u0301.png", "é.png"),
        ("NUL", "NUL"),
        ("..", "image"),
        ("", "image"),
        ("<img src=x>.png", "<img src=x>.png"),  # The page escapes it.
    ],
)
def test_a_name_is_cleaned_for_display(name: str, shown: str) -> None:
    assert check_filename(name) == shown


@pytest.mark.parametrize(
    "name",
    ["x.png.html", "x.svg", "x.png\0.exe", ".htaccess", "x.tar.gz", "x.png;.html"],
)
def test_an_ending_that_is_not_an_images_is_refused(name: str) -> None:
    with pytest.raises(ImageRefusedError) as caught:
        check_filename(name)
    assert (caught.value.code, caught.value.status) == ("wrong_extension", 415)


@pytest.mark.parametrize("name", ["a" * 4096 + ".png", "é" * 300, "a" * 4096])
def test_a_long_name_is_cut_and_keeps_its_ending(name: str) -> None:
    shown = check_filename(name)

    assert len(shown) == MAX_NAME_CHARACTERS
    assert shown.endswith(name[-4:])


@needs_test_data("hostile/FILENAMES.json")
def test_every_hostile_name_is_shown_clean_or_refused() -> None:
    names = json.loads((TEST_DATA / "hostile" / "FILENAMES.json").read_text())["names"]
    refused = []

    for name in names:
        try:
            shown = check_filename(name)
        except ImageRefusedError:
            refused.append(name)
            continue
        assert 0 < len(shown) <= MAX_NAME_CHARACTERS
        assert not {"/", "\\"} & set(shown)
        assert not any(unicodedata.category(letter) == "Cc" for letter in shown)
        assert shown not in {".", ".."}

    assert len(names) == 47
    assert all("." in name for name in refused)
    assert len(refused) == 11
