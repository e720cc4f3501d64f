"""The environment of a laptop's stack, and what manage.py takes from it."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from histoapp.embedded import environment
from histoapp.embedded.errors import EmbeddedError
from tests.servers import REPOSITORY


@pytest.fixture
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stack's folder, just made; nothing of the tests' own environment."""
    folder = tmp_path / "var"
    names = {*environment.SECRETS, *environment.addresses(folder)}
    bare = {k: v for k, v in os.environ.items() if k not in names}
    monkeypatch.setattr(os, "environ", bare | {"HISTOAPP_VAR": str(folder)})
    environment.make()
    return folder


def test_secrets_are_made_once_and_only_for_their_owner(var: Path) -> None:
    first = environment.read(var)
    environment.make()
    assert environment.read(var) == first
    assert stat.S_IMODE((var / "environment").stat().st_mode) == 0o600
    assert len({first[name] for name in environment.SECRETS}) == len(
        environment.SECRETS
    )
    assert len(first["SECRET_KEY"]) >= 50


def test_the_processs_own_environment_goes_before_the_file(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")
    environment.load()
    assert os.environ["REDIS_URL"] == "redis://elsewhere"
    assert os.environ["SECRET_KEY"] == environment.read(var)["SECRET_KEY"]


def test_a_database_of_ones_own_does_not_get_the_embedded_owner(
    var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = environment.read(var)
    environment.write(var, kept | {"DATABASE_OWNER_URL": "postgresql:///embedded"})
    monkeypatch.setenv("DATABASE_URL", "postgresql:///mine")
    environment.load()
    assert "DATABASE_OWNER_URL" not in os.environ


@pytest.mark.parametrize("text", ["SECRET_KEY=\n", "half a li", ""])
def test_a_damaged_file_is_one_sentence(var: Path, text: str) -> None:
    (var / "environment").write_text(text)
    with pytest.raises(EmbeddedError, match="is damaged"):
        environment.read(var)
    command = [sys.executable, "manage.py", "up"]
    ran = subprocess.run(
        command,
        cwd=REPOSITORY,
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("histoapp: ")
    assert ran.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_made_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("HISTOAPP_VAR", str(tmp_path / "file"))
    with pytest.raises(EmbeddedError, match=r"cannot be (read|written)"):
        environment.make()
