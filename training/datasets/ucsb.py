"""The UCSB breast cancer fields: H&E, 896x768, from tissue microarrays.

A file is named ytmaNN_date_<benign|malignant>N_ccd.tif. The prefix names the array,
which is the group: fields of one array share its staining and its scanner's day.
"""

import re
from pathlib import Path

import numpy as np
from PIL import Image

from training.datasets.fields import Field

# Not stated with the files. Estimated: the round nuclei of benign ducts measure about
# 26 px across; ductal epithelium's are 6 to 7 µm.
ASSUMED_SPACING_UM = 0.25

NAME = re.compile(r"(?P<array>ytma\d+_\d+)_(?P<truth>benign|malignant)\d+_ccd\.tif")


def read(folder: Path) -> list[Field]:
    """Read every field of the folder. Raises FileNotFoundError if there is none."""
    found = [
        (path, match)
        for path in sorted(folder.iterdir())
        if (match := NAME.fullmatch(path.name))
    ]
    if not found:
        raise FileNotFoundError(f"{folder} holds no UCSB field (ytmaNN_..._ccd.tif).")
    return [_field(path, match) for path, match in found]


def _field(path: Path, match: re.Match[str]) -> Field:
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    return Field(
        name=path.stem,
        image=pixels,
        malignant=match["truth"] == "malignant",
        group=match["array"],
        spacing_um=ASSUMED_SPACING_UM,
    )
