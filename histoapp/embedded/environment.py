"""The environment of a laptop's stack: secrets and addresses in var/environment.

Only the standard library: `manage.py` reads it before Django's settings load. What
the process's own environment says goes before the file.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from histoapp.embedded.errors import EmbeddedError

CLONE = Path(__file__).resolve().parent.parent.parent

# Each is made once, at the first start.
SECRETS = (
    "SECRET_KEY",
    "POSTGRES_PASSWORD",
    "POSTGRES_OWNER_PASSWORD",
    "POSTGRES_APP_PASSWORD",
    "REDIS_PASSWORD",
    "DEMO_PASSWORD",
)
# Not for the processes that serve people: only for those that set up.
KEPT_BACK = frozenset(SECRETS[1:]) | {"DATABASE_OWNER_URL"}

HEADER = (
    "# Written by `manage.py up`: addresses afresh at each start. Keep it secret.\n"
)


def var_folder() -> Path:
    """Where the stack keeps everything: HISTOAPP_VAR, or var/ in the clone."""
    return Path(os.environ.get("HISTOAPP_VAR", CLONE / "var")).resolve()


def load() -> None:
    """Complete this process's environment from the file, if there is one.

    A DATABASE_URL of one's own comes with its own DATABASE_OWNER_URL, or none.
    """
    kept = read(var_folder())
    if "DATABASE_URL" in os.environ:
        kept.pop("DATABASE_OWNER_URL", None)
    for name, text in kept.items():
        os.environ.setdefault(name, text)


def make() -> None:
    """Write the file if there is none: enough for Django's settings to load."""
    var = var_folder()
    if not (var / "environment").exists():
        write(var, {**new_secrets(), **addresses(var)})


def new_secrets() -> dict[str, str]:
    """Fresh secrets, one for each name."""
    return {name: secrets.token_urlsafe(48) for name in SECRETS} | {
        "DEMO_PASSWORD": secrets.token_urlsafe(9)  # A person types it.
    }


def addresses(var: Path, *, port: int = 8000) -> dict[str, str]:
    """What does not depend on a running server."""
    return {
        "DATABASE_URL": "postgresql:///histoapp",
        "REDIS_URL": "redis://127.0.0.1",
        "SERVING_ADDRESS": "127.0.0.1:8500",
        "ALLOWED_HOSTS": "127.0.0.1,localhost,[::1]",
        "CSRF_TRUSTED_ORIGINS": f"http://127.0.0.1:{port},http://localhost:{port}",
        "HTTPS": "0",  # Over loopback only.
        "STORAGE_ROOT": str(var / "files"),
        "STATIC_ROOT": str(var / "static"),
    }


def read(var: Path) -> dict[str, str]:
    """The file's names and values; none if there is no file yet."""
    path = var / "environment"
    try:
        lines = path.read_text().splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise EmbeddedError(f"{path} cannot be read: {error}.") from error
    pairs = [line.partition("=") for line in lines if line and line[0] != "#"]
    kept = {name.strip(): text.strip() for name, equals, text in pairs if equals}
    missing = [name for name in SECRETS if not kept.get(name)]
    if missing or len(kept) < len(pairs):
        raise EmbeddedError(
            f"{path} is damaged ({', '.join(missing) or 'a line without ='}): bring "
            f"it back, or move {var} away to start afresh."
        )
    return kept


def write(var: Path, values: Mapping[str, str]) -> None:
    """Replace the file at once, readable by its owner only."""
    try:
        var.mkdir(mode=0o711, parents=True, exist_ok=True)
        path = var / "environment"
        fresh = path.with_name(f"environment.{os.getpid()}")
        fresh.touch(mode=0o600)
        text = "".join(f"{name}={values[name]}\n" for name in sorted(values))
        fresh.write_text(f"{HEADER}{text}")
        fresh.rename(path)
    except OSError as error:
        raise EmbeddedError(f"{var} cannot be written: {error.strerror}.") from error
