"""Who the servers run as, and where they can go."""

import os
import shutil
from pathlib import Path

import pytest

from histoapp.embedded.errors import EmbeddedError
from histoapp.embedded.identity import (
    CLONE,
    make_private,
    require_reach,
    server_identity,
)
from histoapp.embedded.runtime import runtime_folder
from tests.servers import make_folder

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs as another")


def test_an_ordinary_user_runs_the_servers_themselves() -> None:
    assert (server_identity() is None) == (os.geteuid() != 0)


@as_root
def test_root_never_runs_them() -> None:
    identity = server_identity()
    assert identity is not None
    assert identity.uid == (CLONE.stat().st_uid or identity.uid) != 0


@as_root
def test_a_closed_parent_is_named_and_not_opened() -> None:
    closed = make_folder() / "closed"
    (closed / "clone" / "var").mkdir(parents=True)
    closed.chmod(0o700)
    with pytest.raises(EmbeddedError, match=rf"may not enter {closed}:"):
        require_reach(closed / "clone" / "var", server_identity())
    assert closed.stat().st_mode & 0o777 == 0o700
    require_reach(closed.parent, server_identity())
    shutil.rmtree(closed.parent)


def test_the_socket_folder_is_private_short_and_the_stacks_own(tmp_path: Path) -> None:
    folder = runtime_folder(tmp_path, server_identity())
    try:
        assert folder == runtime_folder(tmp_path, server_identity())
        assert folder != runtime_folder(tmp_path / "other", server_identity())
        assert folder.stat().st_mode & 0o777 == 0o700
        assert len(str(folder / ".s.PGSQL.5432.lock")) <= 107
    finally:
        folder.rmdir()
        runtime_folder(tmp_path / "other", server_identity()).rmdir()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    folder = runtime_folder(tmp_path, server_identity())
    try:
        folder.chmod(0o777)
        with pytest.raises(EmbeddedError, match="belongs to somebody else or is open"):
            runtime_folder(tmp_path, server_identity())
        folder.rmdir()
        folder.symlink_to(make_private(tmp_path / "trap", server_identity()))
        with pytest.raises(EmbeddedError, match="belongs to somebody else or is open"):
            runtime_folder(tmp_path, server_identity())
    finally:
        folder.unlink()
