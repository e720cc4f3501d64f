"""Write synthetic fields as PNG, benign and malignant in turn, with truth masks."""

import argparse
from pathlib import Path

from PIL import Image

from training.generator import SyntheticField, field
from training.generator.canvas import BACKGROUND, GLAND, LESION, STROMA

# So that a mask can be looked at: glass, stroma, gland, lesion.
PALETTE = {
    BACKGROUND: (255, 255, 255),
    STROMA: (240, 190, 210),
    GLAND: (90, 120, 200),
    LESION: (200, 30, 40),
}


def main(arguments: list[str]) -> int:
    """Write field-NNN-<benign|malignant>.png and the same with -mask."""
    parser = argparse.ArgumentParser("python -m training generate", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fields", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1, help="of the first field")
    parser.add_argument("--width", type=int, default=896, metavar="PX")
    parser.add_argument("--height", type=int, default=768, metavar="PX")
    parser.add_argument("--spacing", type=float, default=0.25, metavar="UM_PER_PX")
    options = parser.parse_args(arguments)
    options.folder.mkdir(parents=True, exist_ok=True)
    for number in range(options.fields):
        drawn = field(
            options.seed + number,
            width_px=options.width,
            height_px=options.height,
            spacing_um=options.spacing,
            malignant=bool(number % 2),
        )
        print(write(drawn, options.folder))
    return 0


def write(drawn: SyntheticField, folder: Path) -> Path:
    """Write one field and its mask; returns the image's path."""
    truth = "malignant" if drawn.malignant else "benign"
    path = folder / f"field-{drawn.seed:03}-{truth}.png"
    Image.fromarray(drawn.image).save(path)
    mask = Image.fromarray(drawn.mask).convert("P")
    mask.putpalette([part for label in sorted(PALETTE) for part in PALETTE[label]])
    mask.save(path.with_name(f"{path.stem}-mask.png"))
    return path
