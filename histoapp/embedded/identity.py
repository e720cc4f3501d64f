"""Who the embedded servers run as: never root."""

import os
import pwd
import subprocess
from pathlib import Path
from typing import NamedTuple

from histoapp.embedded.errors import EmbeddedError

CLONE = Path(__file__).resolve().parent.parent.parent
WALK = 'for folder; do cd "$folder" 2>&- || { echo "$folder"; exit 1; }; done'


class Identity(NamedTuple):
    """A user of this machine."""

    name: str
    uid: int
    gid: int


def server_identity() -> Identity | None:
    """The user that the servers run as; None: the one who asks, not being root.

    PostgreSQL refuses to run as root. Its stand-in is the owner of the clone, or
    `nobody` where that is root too.
    """
    if os.geteuid() != 0:
        return None
    owner_uid = CLONE.stat().st_uid
    candidates = [entry for entry in pwd.getpwall() if entry.pw_uid == owner_uid != 0]
    candidates += [entry for entry in pwd.getpwall() if entry.pw_name == "nobody"]
    if not candidates:
        raise EmbeddedError(
            "PostgreSQL does not run as root, and this machine has no user `nobody`: "
            "start as an ordinary user."
        )
    return Identity(candidates[0].pw_name, candidates[0].pw_uid, candidates[0].pw_gid)


def require_reach(path: Path, identity: Identity | None) -> None:
    """Raise EmbeddedError if that user cannot come as far as this folder."""
    if identity is None:
        return
    way = [str(folder) for folder in (*reversed(path.parents), path)]
    walk = subprocess.run(  # The kernel is asked as that user: it knows ACLs too.
        ["/bin/sh", "-c", WALK, "sh", *way],
        user=identity.uid,
        group=identity.gid,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=False,
    )
    if walk.returncode:
        closed = walk.stdout.strip()
        raise EmbeddedError(
            f"Started by root, the servers run as the user {identity.name}, who may "
            f"not enter {closed}: put the clone where that user can reach it, or start "
            "as an ordinary user."
        )


def give(path: Path, identity: Identity | None) -> None:
    """Make that user the owner of something that the stack has just made."""
    if identity is not None:
        os.chown(path, identity.uid, identity.gid, follow_symlinks=False)


def make_private(folder: Path, identity: Identity | None) -> Path:
    """Make a folder, if need be, that only that user may enter."""
    if not folder.exists():
        folder.mkdir(mode=0o700, parents=True)
        give(folder, identity)
    return folder
