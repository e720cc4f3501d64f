"""What the parent makes of a child that lies, dawdles or dies."""

import signal
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from PIL import Image

from predictions.images import child as child_module
from predictions.images import reading
from predictions.images.errors import (
    DecodeCrashedError,
    ImageChildError,
    ImageError,
    ImageRefusedError,
    StoreFullError,
)

SAY = "import os, sys\ndef say(line): os.write(1, line.encode().ljust(256))\n"
SIDE_PX = 10
TILE_BYTES = SIDE_PX * SIDE_PX * 3
FACTS = "ok PNG RGB 40 40 1 1 -"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    path = tmp_path / "picture.png"
    Image.new("RGB", (40, 40)).save(path)
    return path


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def children() -> set[int]:
    """Of this process; the servers of other tests are among them."""
    return {child.pid for child in psutil.Process().children()}


def instead(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Run this in place of the decode child."""
    monkeypatch.setattr(child_module, "BOOT", SAY + textwrap.dedent(program))


def tiles(picture: Path, *, patience_s: float = 30) -> Iterator[bytes]:
    return reading.read_tiles(
        picture,
        size_px=(40, 40),
        boxes=[(0, 0, SIDE_PX)] * 2,
        side_px=SIDE_PX,
        batch=1,
        patience_s=patience_s,
    )


def inspect(picture: Path, *, patience_s: float = 30) -> reading.ImageFacts:
    return reading.inspect(
        picture,
        display=picture.with_name("display"),
        thumbnail=picture.with_name("thumbnail"),
        patience_s=patience_s,
    )


def test_a_child_that_writes_less_than_promised_is_a_crash(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, f"say('ok'); os.write(1, bytes({TILE_BYTES + 5}))")
    batches = tiles(picture)

    assert len(next(batches)) == TILE_BYTES
    with pytest.raises(DecodeCrashedError):
        next(batches)


def test_a_child_that_writes_more_than_promised_is_a_crash(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, f"say('ok'); os.write(1, bytes({TILE_BYTES * 2 + 1}))")

    with pytest.raises(DecodeCrashedError):
        list(tiles(picture))


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_a_child_that_is_killed_midway_is_a_crash(
    picture: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    instead(monkeypatch, f"say('ok'); os.kill(os.getpid(), {int(number)})")

    with pytest.raises(DecodeCrashedError) as caught:
        list(tiles(picture))
    assert str(-number) in caught.value.__notes__[0]


def test_a_child_that_dies_before_it_speaks_is_a_crash(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, "os.kill(os.getpid(), 11)")

    with pytest.raises(DecodeCrashedError):
        inspect(picture)


def test_a_child_that_used_its_processor_time_is_refused(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(
        monkeypatch,
        """
        import resource
        resource.setrlimit(resource.RLIMIT_CPU, (1, 2))
        while True: pass
        """,
    )

    with pytest.raises(ImageRefusedError) as caught:
        inspect(picture)
    assert (caught.value.code, caught.value.status) == ("too_slow", 422)


def test_a_child_that_hangs_is_killed_at_the_deadline(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, "import time; time.sleep(600)")

    before = children()
    with pytest.raises(ImageRefusedError) as caught:
        inspect(picture, patience_s=0.2)
    assert caught.value.code == "too_slow"
    assert children() == before


def test_a_child_that_hangs_after_its_answer_is_killed(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, f"import time; say({FACTS!r}); os.close(1); time.sleep(600)")

    before = children()
    with pytest.raises(ImageRefusedError):
        inspect(picture, patience_s=0.5)
    assert children() == before


def test_a_caller_that_stops_early_leaves_no_child(picture: Path) -> None:
    before = children()
    batches = tiles(picture)
    next(batches)

    batches.close()  # type: ignore[attr-defined]  # It is a generator.

    assert children() == before


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ("refused broken", ImageRefusedError),
        ("refused anything", DecodeCrashedError),
        ("refused", DecodeCrashedError),
        ("crashed ImportError", DecodeCrashedError),
        ("full", StoreFullError),
        ("unavailable seccomp", ImageChildError),
        ("", DecodeCrashedError),
        ("ok", DecodeCrashedError),
        ("ok PNG RGB 40 40 1 1 - -", DecodeCrashedError),
        ("ok PNG RGB 40 forty 1 1 -", DecodeCrashedError),
        ("ok JPEG RGB 40 40 1 1 -", DecodeCrashedError),
        ("ok PNG RGB 40000 40000 1 1 -", DecodeCrashedError),
        ("ok PNG RGB 0 40 1 1 -", DecodeCrashedError),
        (FACTS, DecodeCrashedError),  # No copies to show were written.
    ],
)
def test_a_header_is_believed_only_if_it_makes_sense(
    picture: Path,
    monkeypatch: pytest.MonkeyPatch,
    header: str,
    error: type[ImageError],
) -> None:
    instead(monkeypatch, f"say({header!r})")

    with pytest.raises(error):
        inspect(picture)


def test_a_copy_to_show_that_is_no_jpeg_is_a_crash(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(
        monkeypatch,
        f"""
        for at in sys.argv[-2:]: os.write(int(at), b"<script>")
        say({FACTS!r})
        """,
    )

    with pytest.raises(DecodeCrashedError):
        inspect(picture)


def test_a_child_that_cannot_start_is_not_the_files_fault(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(picture.with_name("missing")))
    before = open_descriptors()

    with pytest.raises(ImageChildError) as caught:
        inspect(picture)
    assert caught.value.status == 503
    assert open_descriptors() == before


def test_a_child_that_ends_before_it_speaks_is_not_the_files_fault(
    picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead(monkeypatch, "sys.exit(1)")

    with pytest.raises(ImageChildError):
        inspect(picture)


def test_reading_many_images_leaves_no_descriptor_open(picture: Path) -> None:
    inspect(picture)
    before = open_descriptors()

    for _ in range(3):
        inspect(picture)
        list(tiles(picture))

    assert open_descriptors() == before
