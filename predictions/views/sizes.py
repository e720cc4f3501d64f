"""Sizes of files, in words."""

STEP = 1000
UNITS = ("bytes", "kB", "MB", "GB", "TB")


def size_words(count: int) -> str:
    """In decimal units, as disks and quotas are sold: 1 kB is 1,000 bytes."""
    size, unit = float(count), 0
    while round(size) >= STEP and unit < len(UNITS) - 1:
        size, unit = size / STEP, unit + 1
    return f"{size:.3g} {UNITS[unit]}"
