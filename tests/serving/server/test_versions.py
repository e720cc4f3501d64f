from pathlib import Path

import pytest

from serving.server.versions import find_versions, fingerprint, ignored_names


def add(base_path: Path, name: str, content: bytes = b"x") -> None:
    (base_path / name).mkdir()
    (base_path / name / "saved_model.pb").write_bytes(content)


def test_folders_named_by_a_number_are_versions(tmp_path: Path) -> None:
    for name in ("1", "00000123", "20261123"):
        add(tmp_path, name)

    assert {n: path.name for n, path in find_versions(tmp_path).items()} == {
        1: "1",
        123: "00000123",
        20261123: "20261123",
    }


@pytest.mark.parametrize(
    "name", ["v1", "1.0", "-1", "+1", "1 ", ".export-x", "１", "²", "9" * 30]
)
def test_other_folders_are_not(tmp_path: Path, name: str) -> None:
    add(tmp_path, name)

    assert find_versions(tmp_path) == {}


def test_a_folder_without_its_model_is_still_being_written(tmp_path: Path) -> None:
    (tmp_path / "1" / "variables").mkdir(parents=True)

    assert find_versions(tmp_path) == {}


def test_a_base_path_that_is_not_there_has_no_versions(tmp_path: Path) -> None:
    assert find_versions(tmp_path / "none") == {}
    assert ignored_names(tmp_path / "none") == set()


def test_only_strangers_are_warned_of(tmp_path: Path) -> None:
    for name in ("1", "v2", ".export-x"):
        add(tmp_path, name)

    assert ignored_names(tmp_path) == {"v2"}


def test_a_changed_file_changes_the_fingerprint(tmp_path: Path) -> None:
    add(tmp_path, "1")
    before = fingerprint(tmp_path / "1")

    assert fingerprint(tmp_path / "1") == before
    (tmp_path / "1" / "more").touch()
    assert fingerprint(tmp_path / "1") != before
