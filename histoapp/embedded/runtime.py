"""The folder for sockets: short, because a socket's path holds 107 bytes."""

import hashlib
import os
import stat
from pathlib import Path

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.identity import Identity, make_private


def runtime_folder(var: Path, identity: Identity | None) -> Path:
    """A private folder for this stack's sockets, made if need be.

    Its name follows from the stack's own folder: two clones never share one.
    Raises EmbeddedError if somebody else made it first.
    """
    uid = os.geteuid() if identity is None else identity.uid
    name = f"histoapp-{uid}-{hashlib.sha256(bytes(var.resolve())).hexdigest()[:10]}"
    folder = make_private(_base(identity) / name, identity)
    found = folder.lstat()
    private = stat.S_ISDIR(found.st_mode) and not found.st_mode & 0o077
    if found.st_uid != uid or not private:
        raise EmbeddedError(
            f"{folder} belongs to somebody else or is open to others: remove it."
        )
    return folder


def _base(identity: Identity | None) -> Path:
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if identity is None and 0 < len(given) < 60 and os.access(given, os.W_OK):  # noqa: PLR2004 - Leaves room for our name and PostgreSQL's.
        return Path(given)
    return Path("/tmp")  # noqa: S108 - The folder in it is private, and checked.
