"""Whom to ask, and with which token. Never from the command line, which others see."""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from histo.errors import NoAccessError

LAPTOP = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Access:
    """The server's address, and the token to show there."""

    url: str
    token: str = field(repr=False)


def find_access(environment: Mapping[str, str] = os.environ) -> Access:
    """From HISTO_URL and HISTO_TOKEN, or the token's file. Raises NoAccessError."""
    url = environment.get("HISTO_URL", LAPTOP).rstrip("/")
    token = environment.get("HISTO_TOKEN") or _read(token_file(environment))
    return Access(url, token)


def token_file(environment: Mapping[str, str]) -> Path:
    """Where a token may lie, readable by its owner alone."""
    home = Path(environment.get("HOME", "."))
    settings = Path(environment.get("XDG_CONFIG_HOME") or home / ".config")
    return Path(environment.get("HISTO_TOKEN_FILE") or settings / "histo" / "token")


def _read(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        token = path.read_text().strip()
    except OSError as error:
        raise NoAccessError(
            f"There is no token. Make one in the portal, under your name, and put it "
            f"into HISTO_TOKEN or into {path} (mode 600)."
        ) from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise NoAccessError(f"Others can read {path}. Run: chmod 600 {path}")
    return token
