"""What one child costs: processor and wall time for a field of 896x768.

    python -m benchmarks.reading [IMAGE] [--rounds 40]

Without IMAGE the field is noise, as an uncompressed TIFF.
"""

import argparse
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from predictions.images import reading

SIDE_PX = 224


def measure(what: str, act: Callable[[], object], rounds: int) -> None:
    """Print the medians over a number of rounds."""
    act()  # The first reads Python and Pillow from the disk.
    walls, children, parents = [], [], []
    for _ in range(rounds):
        child_s, parent_s = spent_s(resource.RUSAGE_CHILDREN), time.process_time()
        began = time.perf_counter()
        act()
        walls.append((time.perf_counter() - began) * 1000)
        children.append((spent_s(resource.RUSAGE_CHILDREN) - child_s) * 1000)
        parents.append((time.process_time() - parent_s) * 1000)
    print(
        f"{what:<34} wall {statistics.median(walls):6.1f} ms   "
        f"CPU of the child {statistics.median(children):6.1f} ms   "
        f"of the parent {statistics.median(parents):5.1f} ms"
    )


def spent_s(whose: int) -> float:
    usage = resource.getrusage(whose)
    return usage.ru_utime + usage.ru_stime


def field(folder: Path) -> Path:
    path = folder / "field.tif"
    channels = [Image.effect_noise((896, 768), 60) for _ in range(3)]
    Image.merge("RGB", channels).save(path)
    return path


def read_all(path: Path, size_px: tuple[int, int]) -> int:
    """Every tile of a grid over the field; returns how many bytes came."""
    width_px, height_px = size_px
    boxes = [
        (left, top, SIDE_PX)
        for top in range(0, height_px - SIDE_PX + 1, SIDE_PX)
        for left in range(0, width_px - SIDE_PX + 1, SIDE_PX)
    ]
    batches = reading.read_tiles(
        path, size_px=size_px, boxes=boxes, side_px=SIDE_PX, batch=64
    )
    return sum(len(batch) for batch in batches)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = arguments.image or field(folder)
        display, thumbnail = folder / "display", folder / "thumbnail"
        look = partial(reading.inspect, path, display=display, thumbnail=thumbnail)
        facts = look()
        size_px = facts.width_px, facts.height_px
        half_px = size_px[0] // 2, size_px[1] // 2
        rounds = arguments.rounds
        print(f"{path.name}: {facts.format} {size_px[0]}x{size_px[1]}")
        measure("inspect", look, rounds)
        measure("tiles, same size", lambda: read_all(path, size_px), rounds)
        measure("tiles, half the size", lambda: read_all(path, half_px), rounds)
    largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"largest child {largest:.0f} MB resident")


if __name__ == "__main__":
    main()
