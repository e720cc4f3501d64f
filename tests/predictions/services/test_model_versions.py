"""Registering a model version by the hash of its files."""

import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from predictions.models import AuditEvent, ModelVersion
from predictions.services.model_versions import (
    ModelChangedError,
    NotAModelError,
    hash_folder,
    register_model,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """models/breast-mil/3/ with a contract, a graph and weights."""
    folder = tmp_path / "breast-mil" / "3"
    (folder / "assets.extra").mkdir(parents=True)
    (folder / "variables").mkdir()
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    write_contract(folder, {"schema": 1, "name": "breast-mil", "refer_low": 0.3})
    return folder


def write_contract(folder: Path, contract: object) -> None:
    (folder / "assets.extra" / "contract.json").write_text(json.dumps(contract))


def test_a_version_is_registered_with_its_contract_and_an_event(
    db: None, folder: Path
) -> None:
    registered, is_new = register_model(folder=folder)
    assert is_new
    assert (registered.name, registered.version) == ("breast-mil", 3)
    assert registered.contract["refer_low"] == 0.3
    assert registered.sha256 == hash_folder(folder)
    event = AuditEvent.objects.get()
    assert (event.action, event.subject) == ("model.register", "model:breast-mil:3")
    assert event.detail == {"sha256": registered.sha256}


def test_registering_the_same_files_again_changes_nothing(
    db: None, folder: Path
) -> None:
    register_model(folder=folder)
    _, is_new = register_model(folder=folder)
    assert not is_new
    assert ModelVersion.objects.count() == AuditEvent.objects.count() == 1


@pytest.mark.parametrize(
    "name", ["saved_model.pb", "variables/variables.index", "another_file"]
)
def test_a_version_whose_files_changed_is_refused(
    db: None, folder: Path, name: str
) -> None:
    registered, _ = register_model(folder=folder)
    (folder / name).write_bytes(b"other weights")
    with pytest.raises(ModelChangedError, match="breast-mil v3 was registered"):
        register_model(folder=folder)
    assert ModelVersion.objects.get().sha256 == registered.sha256


def test_a_file_that_is_gone_changes_the_hash(folder: Path) -> None:
    before = hash_folder(folder)
    (folder / "saved_model.pb").unlink()
    assert hash_folder(folder) != before


def test_a_file_under_another_name_changes_the_hash(folder: Path) -> None:
    before = hash_folder(folder)
    (folder / "saved_model.pb").rename(folder / "saved_model2.pb")
    assert hash_folder(folder) != before


def test_the_hash_is_what_sha256sum_makes_of_the_sorted_files(folder: Path) -> None:
    script = (
        r"find . -type f | LC_ALL=C sort | cut -c3- | tr '\n' '\0'"
        " | xargs -0 sha256sum"
    )
    listed = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=folder,
        capture_output=True,
        check=True,
    )
    assert hash_folder(folder) == hashlib.sha256(listed.stdout).hexdigest()


def test_a_link_is_refused_since_its_target_may_change(folder: Path) -> None:
    (folder / "weights").symlink_to(folder / "saved_model.pb")
    with pytest.raises(NotAModelError, match="no links"):
        hash_folder(folder)


def test_a_name_that_could_feign_another_file_is_refused(folder: Path) -> None:
    (folder / "a\nb").write_bytes(b"")
    with pytest.raises(NotAModelError, match="unprintable"):
        hash_folder(folder)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "is not JSON"),
        ("[]", "is not of the model"),
        ('{"name": "another"}', "is not of the model breast-mil"),
        ('{"name": "breast-mil", "refer_low": NaN}', "NaN is no number"),
        (b"\xff\xfe\xff", "is not JSON"),
    ],
)
def test_a_contract_that_is_none_is_refused(
    db: None, folder: Path, text: str | bytes, words: str
) -> None:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "assets.extra" / "contract.json").write_bytes(content)
    with pytest.raises(NotAModelError, match=words):
        register_model(folder=folder)


def test_a_folder_without_contract_is_refused(db: None, folder: Path) -> None:
    (folder / "assets.extra" / "contract.json").unlink()
    with pytest.raises(NotAModelError, match="cannot be read: No such file"):
        register_model(folder=folder)


@pytest.mark.parametrize("name", ["latest", "-1", "1.0", "²"])
def test_a_folder_that_is_no_number_is_no_version(
    db: None, tmp_path: Path, name: str
) -> None:
    with pytest.raises(NotAModelError, match="a number"):
        register_model(folder=tmp_path / "breast-mil" / name)
