"""What the installation's keeper types."""

import json
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from predictions.models import ApiToken, AuditEvent, Laboratory, ModelVersion
from predictions.services.storage import store
from predictions.services.tokens import find_token


@pytest.fixture
def model_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "models" / "breast-mil" / "1"
    (folder / "assets.extra").mkdir(parents=True)
    contract = {"schema": 1, "name": "breast-mil"}
    (folder / "assets.extra" / "contract.json").write_text(json.dumps(contract))
    return folder


def test_register_model_says_the_hash(
    db: None, model_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("register_model", str(model_folder))
    registered = ModelVersion.objects.get()
    said = capsys.readouterr().out
    assert said == f"Registered breast-mil v1, sha256 {registered.sha256}.\n"
    call_command("register_model", str(model_folder))
    assert capsys.readouterr().out.startswith("Known already: breast-mil v1")


def test_register_model_refuses_changed_files(db: None, model_folder: Path) -> None:
    call_command("register_model", str(model_folder))
    (model_folder / "saved_model.pb").write_bytes(b"other")
    with pytest.raises(CommandError, match="A version never changes"):
        call_command("register_model", str(model_folder))


def test_issue_token_prints_a_token_that_works(
    alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("issue_token", "alice", "scanner", "--days", "2")
    secret = capsys.readouterr().out.strip()
    token = find_token(secret=secret)
    assert token is not None
    assert (token.user, token.name) == (alice, "scanner")
    assert (token.expires_at - token.created_at).days in {1, 2}


def test_issue_token_keeps_the_secret_nowhere(
    alice: User, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("issue_token", "alice", "scanner")
    secret = capsys.readouterr().out.strip()
    kept = [*ApiToken.objects.values_list(), *AuditEvent.objects.values_list()]
    assert secret not in str(kept)
    assert secret.removeprefix("histo_") not in str(kept)


@pytest.mark.parametrize("days", ["0", "367"])
def test_issue_token_refuses_a_life_without_sense(alice: User, days: str) -> None:
    with pytest.raises(CommandError, match="from 1 to 366 days"):
        call_command("issue_token", "alice", "scanner", "--days", days)


def test_issue_token_refuses_a_disabled_account(alice: User) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="no active account alice"):
        call_command("issue_token", "alice", "scanner")


def test_create_laboratory_makes_its_administrator(
    db: None, capsys: pytest.CaptureFixture[str]
) -> None:
    erin = User.objects.create_user("erin")
    call_command("create_laboratory", "West", "erin", "--default-spacing-um", "0.25")
    laboratory = Laboratory.objects.get(name="West")
    assert capsys.readouterr().out.strip() == str(laboratory.pk)
    assert laboratory.default_spacing_um == 0.25
    assert laboratory.memberships.get().role == "administrator"
    assert laboratory.memberships.get().user == erin


def test_create_laboratory_refuses_a_second_one_of_its_name(
    laboratory: Laboratory, alice: User
) -> None:
    with pytest.raises(CommandError, match="a laboratory North already"):
        call_command("create_laboratory", "North", "alice")


def test_create_laboratory_needs_an_account(db: None) -> None:
    with pytest.raises(CommandError, match="no account nobody"):
        call_command("create_laboratory", "West", "nobody")
    assert not Laboratory.objects.exists()


def test_check_integrity_fails_where_something_is_wrong(
    db: None,
    settings: Settings,
    tmp_path: Path,
    image: object,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.STORAGE_ROOT = tmp_path
    store()
    with pytest.raises(CommandError, match="3 faults"):
        call_command("check_integrity")
    assert "the stored file is missing" in capsys.readouterr().out
    event = AuditEvent.objects.get(action="integrity.check")
    assert len(event.detail["faults"]) == 3


def test_check_integrity_says_that_all_is_well(
    db: None,
    settings: Settings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings.STORAGE_ROOT = tmp_path
    call_command("check_integrity")
    assert capsys.readouterr().out == "All files of 0 images are as recorded.\n"
