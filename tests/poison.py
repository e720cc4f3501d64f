"""The mark that makes the tiny model abort: a block of a green no tissue has."""

MARK_RGB = (1, 254, 3)
MARK_TOLERANCE = 24  # Per channel: survives JPEG and resampling.
MARK_PIXELS = 16  # In one tile: no single noisy pixel is a mark.
MARK_SIDE_PX = 64  # A block this large keeps its mark at any spacing in reach.
