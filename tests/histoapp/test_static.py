"""When static files are collected again."""

from pathlib import Path

import pytest

from histoapp.embedded import static


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small clone of its own, whose static files were collected."""
    for name in (*static.SOURCES, "predictions/static/predictions/upload.js"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("first")
    monkeypatch.setattr(static, "CLONE", tmp_path)
    (tmp_path / "collected").mkdir()
    static.note_collected(tmp_path / "collected")
    return tmp_path


def test_nothing_changed_is_nothing_to_collect(clone: Path) -> None:
    assert static.is_collected(clone / "collected")


def test_never_collected_is_to_be_collected(clone: Path) -> None:
    assert not static.is_collected(clone / "elsewhere")


@pytest.mark.parametrize(
    "name",
    [
        "predictions/static/predictions/upload.js",
        "predictions/static/predictions/new.css",
        "package-lock.json",
        "requirements/run.txt",
    ],
)
def test_a_changed_file_is_collected_again(clone: Path, name: str) -> None:
    (clone / name).write_text("second")
    assert not static.is_collected(clone / "collected")
