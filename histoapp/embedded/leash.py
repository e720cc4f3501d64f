"""Run a command that dies with the process that started it.

Run as a file, with nothing imported but the standard library: the process becomes
the command. `preexec_fn` would do the same, but is not safe beside threads.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from histoapp.embedded.identity import Identity

PR_SET_PDEATHSIG = 1


def leashed(
    command: list[str],
    *,
    farewell: signal.Signals = signal.SIGKILL,
    identity: "Identity | None" = None,
) -> list[str]:
    """The command on a leash: it gets the farewell when its starter is gone.

    The starter must be a main thread: the kernel watches the thread that forked.
    """
    uid, gid = (-1, -1) if identity is None else (identity.uid, identity.gid)
    numbers = [os.getpid(), int(farewell), uid, gid]
    head = [sys.executable, "-I", "-S", str(Path(__file__).resolve())]
    return [*head, *map(str, numbers), *command]


def main() -> None:
    """Drop to the given user, ask the kernel for the farewell, become the command."""
    parent, farewell, uid, gid = map(int, sys.argv[1:5])
    command = sys.argv[5:]
    if uid >= 0:  # First: a change of user takes the leash off.
        os.setgroups([])
        os.setgid(gid)
        os.setuid(uid)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, farewell)
    if os.getppid() != parent:  # It was gone before the leash was on.
        raise SystemExit(1)
    os.execv(command[0], command)  # noqa: S606 - A list, no shell.


if __name__ == "__main__":
    main()
