"""A tile encoder of inverted residual blocks (Sandler et al. 2018, MobileNetV2).

The blocks' borders have the widths of MobileNetV2 up to its tenth block, so that each
block can learn its part from the same part of a teacher. No batch normalisation: the
teachers that we know come with it folded, and a bag must not depend on its neighbours.
"""

from typing import Any, NamedTuple

import keras


class BlockShape(NamedTuple):
    """One inverted residual block, and the teacher's layer that ends it."""

    expansion: int
    channels: int
    stride: int
    teacher_layer: str


BLOCKS = (
    BlockShape(1, 16, 1, "expanded_conv_project_BN"),
    BlockShape(6, 24, 2, "block_1_project_BN"),
    BlockShape(6, 24, 1, "block_2_add"),
    BlockShape(6, 32, 2, "block_3_project_BN"),
    BlockShape(6, 32, 1, "block_4_add"),
    BlockShape(6, 32, 1, "block_5_add"),
    BlockShape(6, 64, 2, "block_6_project_BN"),
    BlockShape(6, 64, 1, "block_7_add"),
    BlockShape(6, 64, 1, "block_8_add"),
    BlockShape(6, 64, 1, "block_9_add"),
    BlockShape(6, 96, 1, "block_10_project_BN"),
)
STEM_CHANNELS = 32
STEM_TEACHER_LAYER = "Conv1_relu"
EARLY_BLOCK, MIDDLE_BLOCK = 3, 6  # Texture and colour: what tells tissue from others.

# An embedding is, in this order: the means of the last block's and of the middle one's
# channels, which attention looks at; then the last one's spreads, the early one's
# means and spreads, which only the tissue score needs too.
ATTENDED_DIM = 96 + 64
EMBEDDING_DIM = ATTENDED_DIM + 96 + 2 * 32


def stem() -> Any:
    """Build the first convolution: (b, h, w, 3) in [-1, 1] -> (b, h/2, w/2, 32)."""
    pixels = keras.Input((None, None, 3))
    outcome = _convolution(pixels, STEM_CHANNELS, size=3, stride=2, clipped=True)
    return keras.Model(pixels, outcome, name="stem")


def block(index: int) -> Any:
    """Build one inverted residual block, which adds to its input if it can."""
    shape = BLOCKS[index]
    entering = BLOCKS[index - 1].channels if index else STEM_CHANNELS
    features = keras.Input((None, None, entering))
    outcome = features
    if shape.expansion > 1:
        outcome = _convolution(outcome, entering * shape.expansion, clipped=True)
    outcome = keras.layers.DepthwiseConv2D(
        3, strides=shape.stride, padding="same", depthwise_initializer="he_normal"
    )(outcome)
    outcome = keras.layers.ReLU(6.0)(outcome)
    outcome = _convolution(outcome, shape.channels)
    if is_residual(index):
        outcome = keras.layers.Add()([features, outcome])
    return keras.Model(features, outcome, name=f"block_{index}")


def is_residual(index: int) -> bool:
    """Say whether this block's answer is its input plus something."""
    return (
        index > 0
        and BLOCKS[index].stride == 1
        and BLOCKS[index].channels == BLOCKS[index - 1].channels
    )


def parts() -> list[Any]:
    """Build the stem and all blocks, untrained, in order."""
    return [stem(), *(block(index) for index in range(len(BLOCKS)))]


def tile_encoder(trained: list[Any], *, side_px: int) -> Any:
    """Join the parts: (n, side, side, 3) uint8 RGB -> (n, EMBEDDING_DIM) float32."""
    tiles = keras.Input((side_px, side_px, 3), dtype="uint8")
    features = keras.layers.Rescaling(1 / 127.5, offset=-1.0)(tiles)
    maps = []
    for part in trained:
        features = part(features)
        maps.append(features)
    return keras.Model(tiles, pooled(maps[1:]), name="tile_encoder")


def pooled(maps: list[Any]) -> Any:
    """Pool the blocks' feature maps of a tile into its embedding."""
    last, early, middle = maps[-1], maps[EARLY_BLOCK], maps[MIDDLE_BLOCK]
    return keras.ops.concatenate(
        [_mean(last), _mean(middle), _spread(last), _mean(early), _spread(early)], -1
    )


def _mean(features: Any) -> Any:
    return keras.ops.mean(features, axis=(1, 2))


def _spread(features: Any) -> Any:
    # The root's slope is infinite at 0, which a flat tile reaches.
    return keras.ops.sqrt(keras.ops.var(features, axis=(1, 2)) + 1e-4)


def _convolution(
    features: Any,
    channels: int,
    *,
    size: int = 1,
    stride: int = 1,
    clipped: bool = False,
) -> Any:
    outcome = keras.layers.Conv2D(
        channels,
        size,
        strides=stride,
        padding="same",
        kernel_initializer="he_normal" if clipped else "glorot_uniform",
    )(features)
    return keras.layers.ReLU(6.0)(outcome) if clipped else outcome
