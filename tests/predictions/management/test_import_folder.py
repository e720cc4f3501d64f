"""Importing a folder that lies on the server."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django import Settings

from predictions.models import Case, Image, Laboratory
from tests.predictions.views.conftest import png

HEADER = "file,accession_number,patient_code,specimen,spacing_um,magnification"


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """Two pictures, one in a folder of its own, and one that no row names."""
    settings.STORAGE_ROOT = tmp_path / "store"
    folder = tmp_path / "scans"
    (folder / "day two").mkdir(parents=True)
    (folder / "a.png").write_bytes(png(shade=1))
    (folder / "day two" / "b.png").write_bytes(png(shade=2))
    (folder / "spare.png").write_bytes(png(shade=3))
    return folder


@pytest.fixture
def run(
    folder: Path, laboratory: Laboratory, alice: User, tmp_path: Path
) -> Callable[..., None]:
    def run(*rows: str, dry_run: bool = False) -> None:
        manifest = tmp_path / "list.csv"
        manifest.write_text("\n".join([HEADER, *rows]))
        call_command(
            "import_folder",
            str(folder),
            str(manifest),
            laboratory=laboratory.name,
            user=alice.username,
            dry_run=dry_run,
        )

    return run


GOOD = ("a.png,S26-7,P-7,B,0.25,40x", "day two/b.png,S26-7,P-7,,,")


def test_a_folder_is_imported(
    run: Callable[..., None], alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    run(*GOOD)
    case = Case.objects.get()
    one, two = case.images.order_by("-specimen__label")
    assert (one.filename, one.specimen.label) == ("a.png", "B")
    assert (one.spacing_um, one.spacing_assumed, one.magnification) == (0.25, False, 40)
    assert (two.filename, two.specimen.label) == ("b.png", "A")
    assert one.uploaded_by == alice
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "line 2\taccepted\tAccepted for the case S26-7.",
        "line 3\taccepted\tAccepted for the case S26-7.",
        "2 rows: 2 accepted.",
    ]
    assert said.err == "No row names spare.png.\n"


def test_the_same_import_again_repeats_nothing(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run(*GOOD)
    run(*GOOD)
    assert (Case.objects.count(), Image.objects.count()) == (1, 2)
    assert "2 rows: 2 duplicate." in capsys.readouterr().out


def test_a_dry_run_stores_nothing(
    run: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    run(*GOOD, dry_run=True)
    assert not Case.objects.exists()
    assert capsys.readouterr().out.splitlines() == [
        "line 2\topens\tOpens the case S26-7.",
        "line 3\tadds\tAdds to the case S26-7, which line 2 opens.",
        "2 rows: 1 opens, 1 adds.",
    ]


def test_a_refused_row_fails_the_command_and_spares_the_others(
    run: Callable[..., None], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.png").write_bytes(png()[:60])
    (folder / "link.png").symlink_to("/etc/hostname")
    with pytest.raises(CommandError, match="3 rows were refused") as refused:
        run(
            *GOOD,
            "broken.png,S26-8,P-8,,,",
            "gone.png,S26-8,P-8,,,",
            "link.png,S26-8,P-8,,,",
        )
    assert refused.value.returncode == 1
    said = capsys.readouterr().out
    assert "line 4\trefused\tThe image is damaged" in said
    assert said.count("The file is not in the folder.") == 2
    assert Image.objects.count() == 2


def test_what_the_list_calls_for_must_be_there(
    folder: Path, laboratory: Laboratory, alice: User, charlie: User
) -> None:
    a_list = folder / "list.csv"
    a_list.write_text("colour\n")
    wanted = {"laboratory": "North", "user": "alice"}
    for changed, words in (
        ({"laboratory": "West"}, "no laboratory West"),
        ({"user": "nobody"}, "no active account nobody"),
        ({}, "Rename or remove “colour”"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("import_folder", folder, a_list, **{**wanted, **changed})
    with pytest.raises(CommandError, match="There is no folder"):
        call_command("import_folder", folder / "x", a_list, **wanted)
    with pytest.raises(CommandError, match="There is no file"):
        call_command("import_folder", folder, folder / "x.csv", **wanted)


def test_a_stranger_to_the_laboratory_imports_nothing(
    folder: Path, laboratory: Laboratory, charlie: User
) -> None:
    a_list = folder / "list.csv"
    a_list.write_text("\n".join([HEADER, *GOOD]))
    with pytest.raises(CommandError, match="technician or a pathologist of North"):
        call_command(
            "import_folder", folder, a_list, laboratory="North", user="charlie"
        )
    assert not Case.objects.exists()
