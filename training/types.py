"""The arrays that pass through training, by name."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (height, width, 3) RGB, or (n, side, side, 3) tiles.
Mask = NDArray[np.uint8]  # (height, width), one class a pixel.
Floats = NDArray[np.floating[Any]]
Flags = NDArray[np.bool_]
