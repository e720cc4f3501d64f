"""The child that reads one image and nothing else, then ends.

    python -I -S -c BOOT <folders to import from> inspect|tiles <format> <descriptors>

Started by child.py. It confines itself (sandbox.py) before the first byte is parsed.
Descriptors: the image, then for inspect the two files to write. stdin: the job's
numbers (tiles: side, width, height, then left and top of each tile). stdout: a header
of HEADER_BYTES, "ok ...", "refused <code>", "crashed <why>", "full" or
"unavailable <why>"; then the tiles.
"""

import errno
import os
import sys
from io import BufferedReader, BufferedWriter

from PIL import Image

from predictions.images import jobs, sandbox
from predictions.images.lean import HEADER_BYTES
from predictions.images.pixels import RefusedError

MEMORY_BYTES = 1 << 30  # 50 megapixels: 200 MB decoded, 200 MB as RGB, the rest beside.
CPU_S = 30
_FILE_BYTES = 32 << 20  # A display copy of 2048x2048 noise is 6 MB.
_OPEN_FILES = 16
_STDOUT = 1


def main() -> None:
    """Do the job in sys.argv, and leave without the interpreter's own tidying up."""
    job, image_format, image, *outputs = sys.argv[1:]
    try:
        numbers = [int(number) for number in sys.stdin.buffer.read().split()]
        file = os.fdopen(int(image), "rb")
        files = [os.fdopen(int(output), "wb") for output in outputs]
        sandbox.limit(
            memory_bytes=MEMORY_BYTES,
            cpu_s=CPU_S,
            file_bytes=_FILE_BYTES,
            open_files=_OPEN_FILES,
        )
        jobs.prepare(image_format)
        sandbox.confine()
    except (OSError, ValueError, sandbox.SandboxError) as error:
        _say(f"unavailable {error}")
        os._exit(1)
    if job == "inspect":
        _inspect(file, image_format, files)
    else:
        _tiles(file, image_format, numbers)
    os._exit(0)


def _inspect(
    file: BufferedReader, image_format: str, files: list[BufferedWriter]
) -> None:
    display, thumbnail = files
    try:
        facts = jobs.inspect(file, image_format, display=display, thumbnail=thumbnail)
    except Exception as error:  # noqa: BLE001 - Pillow raises of every kind
        _say(verdict(error))
    else:
        _say(f"ok {facts}")


def _tiles(file: BufferedReader, image_format: str, numbers: list[int]) -> None:
    side_px, width_px, height_px, *edges = numbers
    try:
        picture = jobs.resampled(file, image_format, size_px=(width_px, height_px))
    except Exception as error:  # noqa: BLE001 - Pillow raises of every kind
        _say(verdict(error))
        return
    _say("ok")
    corners = list(zip(edges[::2], edges[1::2], strict=True))
    jobs.write_tiles(picture, corners, side_px=side_px, out=_STDOUT)


def verdict(error: Exception) -> str:
    """Whose fault it was that an image could not be read."""
    if isinstance(error, RefusedError):
        return f"refused {error}"
    if isinstance(error, MemoryError) or "out of memory" in str(error):
        return "refused too_much_memory"
    if isinstance(
        error, (Image.DecompressionBombError, Image.DecompressionBombWarning)
    ):
        return "refused too_many_pixels"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "full"
    if isinstance(error, (PermissionError, ImportError)):
        # The sandbox stopped something that this image needs or wants.
        return f"crashed {type(error).__name__}"
    return "refused broken"


def _say(header: str) -> None:
    line = header.encode("ascii", "replace")[: HEADER_BYTES - 1]
    os.write(_STDOUT, line.ljust(HEADER_BYTES - 1) + b"\n")
