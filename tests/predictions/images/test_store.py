"""The image store keeps whole files or none."""

import errno
import hashlib
import os
import shutil
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from predictions.images import store as store_module
from predictions.images.errors import StoredFileMissingError, StoreFullError
from predictions.images.store import Store

REPOSITORY = Path(store_module.__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def files_under(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_kept_bytes_come_back_as_they_were_sent(store: Store) -> None:
    with store.begin() as part:
        part.write(b"half and ")
        part.write(b"half")
        kept = store.keep(part)

    assert store.local(kept).read_bytes() == b"half and half"
    assert part.size_bytes == len(b"half and half")
    assert part.sha256 == hashlib.sha256(b"half and half").hexdigest()


def test_a_kept_file_lies_under_its_uuid_and_leaves_no_part(
    store: Store, tmp_path: Path
) -> None:
    kept = store.keep_bytes(b"pixels")

    name = str(kept)
    expected = tmp_path / "store" / "files" / name[:2] / name
    assert files_under(tmp_path) == [expected]


def test_a_part_that_is_not_kept_is_gone_when_its_block_ends(
    store: Store, tmp_path: Path
) -> None:
    with store.begin() as part:
        part.write(b"unwanted")

    assert files_under(tmp_path) == []


def test_a_part_that_another_process_wrote_can_be_hashed(store: Store) -> None:
    with store.begin() as part:
        part.path.write_bytes(b"from the child")
        part.reread()
        kept = store.keep(part)

    assert part.sha256 == hashlib.sha256(b"from the child").hexdigest()
    assert part.size_bytes == len(b"from the child")
    assert store.local(kept).read_bytes() == b"from the child"


def test_dropping_twice_is_the_same_as_once(store: Store) -> None:
    kept = store.keep_bytes(b"pixels")

    store.drop(kept)
    store.drop(kept)

    with pytest.raises(StoredFileMissingError):
        store.local(kept)


def test_a_file_that_was_never_kept_is_missing(store: Store) -> None:
    with pytest.raises(StoredFileMissingError):
        store.local(uuid.uuid4())


def test_nothing_but_a_uuid_names_a_file(store: Store) -> None:
    with pytest.raises(ValueError, match="badly formed"):
        store.local("../../etc/passwd")  # type: ignore[arg-type]  # what mypy forbids


def test_the_sweep_takes_old_parts_and_leaves_young_ones(
    store: Store, tmp_path: Path
) -> None:
    old, young = store.begin(), store.begin()
    os.utime(old.path, (0, 0))

    swept = store.sweep_parts(older_than_s=3600)

    assert swept == 1
    assert files_under(tmp_path) == [young.path]
    old.discard()
    young.discard()


def test_a_file_is_on_disk_before_its_name_and_the_name_before_keep_returns(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, bool]] = []
    sync = os.fsync

    def witness(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        kept_already = any(files_under(store._files))
        seen.append((path.suffix or path.name, kept_already))
        sync(handle)

    monkeypatch.setattr(os, "fsync", witness)
    kept = store.keep_bytes(b"pixels")

    assert seen == [(".part", False), (str(kept)[:2], True), ("files", True)]


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MiB, where this user may mount one."""
    folder = tmp_path / "full"
    folder.mkdir()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.geteuid() or mount is None or umount is None:
        pytest.skip("needs root to mount a small file system")
    small = [mount, "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(small, check=False).returncode:
        pytest.skip("may not mount a small file system here")
    yield folder
    subprocess.run([umount, str(folder)], check=True)


def test_a_full_disk_is_named_and_leaves_nothing(full_disk: Path) -> None:
    store = Store(full_disk)
    before = store.free_bytes()

    with store.begin() as part, pytest.raises(StoreFullError) as caught:
        part.write(bytes(1 << 21))

    assert caught.value.status == 507
    assert files_under(full_disk) == []
    assert store.free_bytes() == before


def test_a_write_that_cannot_be_finished_leaves_no_part(tmp_path: Path) -> None:
    """The same without root: a limit on file sizes in a process of its own."""
    program = textwrap.dedent("""
        import resource, sys
        from pathlib import Path
        from predictions.images.errors import StoreFullError
        from predictions.images.store import Store
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        try:
            Store(Path(sys.argv[1])).keep_bytes(bytes(8192))
        except StoreFullError:
            print("full")
    """)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)],
        check=True,
        capture_output=True,
        text=True,
        cwd=REPOSITORY,
    )

    assert done.stdout == "full\n"
    assert files_under(tmp_path) == []


def test_another_disk_fault_keeps_its_name(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)

    with pytest.raises(OSError, match="Input/output"):
        store.keep_bytes(b"pixels")
    assert files_under(tmp_path) == []


def test_free_bytes_are_those_of_the_store(store: Store, tmp_path: Path) -> None:
    status = os.statvfs(tmp_path)

    assert store.free_bytes() == pytest.approx(
        status.f_bavail * status.f_frsize, abs=64 << 20
    )


# --- A second name for the same bytes -----------------------------------------


def test_a_copy_outlives_what_it_was_copied_from(store: Store) -> None:
    kept = store.keep_bytes(b"pixels")
    copied = store.copy(kept)
    assert copied != kept
    store.drop(kept)
    assert store.local(copied).read_bytes() == b"pixels"


def test_a_copy_takes_no_second_room(store: Store) -> None:
    kept = store.keep_bytes(b"pixels")
    assert store.local(store.copy(kept)).samefile(store.local(kept))


def test_a_folder_without_links_copies_the_bytes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, "no links here")

    kept = store.keep_bytes(b"pixels")
    monkeypatch.setattr(os, "link", refuse)
    copied = store.copy(kept)
    assert store.local(copied).read_bytes() == b"pixels"
    assert not store.local(copied).samefile(store.local(kept))


def test_a_copy_is_as_young_as_its_name(store: Store) -> None:
    """Or whoever looks for orphans finds it before its row is written."""
    kept = store.keep_bytes(b"pixels")
    os.utime(store.local(kept), (0, 0))
    copied = store.copy(kept)
    assert copied not in set(store.kept(older_than_s=3600))


def test_what_is_missing_cannot_be_copied(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoredFileMissingError):
        store.copy(uuid.uuid4())
    assert files_under(tmp_path) == []


def test_a_copy_is_on_disk_before_it_is_named(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = store.keep_bytes(b"pixels")
    synced: list[Path] = []
    monkeypatch.setattr(store_module, "_sync", synced.append)
    copied = store.local(store.copy(kept))
    assert synced == [copied.parent, copied.parent.parent]
