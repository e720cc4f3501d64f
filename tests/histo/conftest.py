"""The command line, as a person's shell runs it, against the real web server."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from predictions.services.tokens import issue_token
from tests.predictions.api.web import Web, running_web
from tests.servers import REPOSITORY

Histo = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def web(committed_db: str, settings: Settings, tmp_path: Path) -> Iterator[Web]:
    """The real web server, with a case of alice's on record."""
    folder = tmp_path / "server"
    folder.mkdir()
    settings.STORAGE_ROOT = folder / "files"
    with running_web(folder) as web:
        yield web


@pytest.fixture
def histo(web: Web) -> Histo:
    """Run `histo` with alice's token; its exit code, output and complaints."""
    _, secret = issue_token(user=User.objects.get(username="alice"), name="histo")

    def run(*words: object, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "histo", *map(str, words)],
            cwd=REPOSITORY,
            env={
                **os.environ,
                "HISTO_URL": f"http://127.0.0.1:{web.port}",
                "HISTO_TOKEN": secret,
                "COLUMNS": "200",
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run
