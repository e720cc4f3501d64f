"""Teach the tile encoder what a larger network sees, without labels.

First every block learns alone: from the teacher's features before it to the teacher's
features after it. Then they learn together, from pixels on, so that each one copes
with the errors of those before. The student starts from random weights; nothing of
the teacher is copied.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from training.architectures.tile_encoder import (
    BLOCKS,
    STEM_TEACHER_LAYER,
    is_residual,
    pooled,
    stem,
)
from training.recipes.conditioned import (
    added_spread,
    conditioned,
    folded,
    statistics,
)
from training.types import Floats, Pixels

# Positions of a feature map that a block sees at each step alone: early maps are large.
POSITIONS = 1600


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How long to learn, and how fast at the start."""

    watched_batches: int = 110
    alone_steps: int = 1600
    together_steps: int = 700
    alone_rate: float = 2e-2
    together_rate: float = 1.5e-3
    batch: int = 32


def load_teacher(weights: str | Path) -> Any:
    """Build MobileNetV2 with the given weights file, or "imagenet" to download them.

    Gives (b, h, w, 3) in [-1, 1] -> the feature maps at the student's block borders.
    """
    by_name = str(weights) == "imagenet"
    teacher = keras.applications.MobileNetV2(
        include_top=False,
        weights="imagenet" if by_name else None,
        input_shape=(None, None, 3),
    )
    if not by_name:
        teacher.load_weights(weights)
    layers = [STEM_TEACHER_LAYER, *(shape.teacher_layer for shape in BLOCKS)]
    maps = [teacher.get_layer(layer).output for layer in layers]
    return keras.Model(teacher.input, maps, trainable=False)


def distil(
    teacher: Any, tiles: Iterator[Pixels], schedule: Schedule, *, seed: int
) -> tuple[list[Any], dict[str, float]]:
    """Train new parts on endless batches of tiles; returns them and their last errors.

    The errors are shares of the teacher's variance left unexplained, on fresh tiles:
    1 is having learnt nothing.
    """
    keras.utils.set_random_seed(seed)
    seen = watch(teacher, tiles, batches=schedule.watched_batches)
    blocks = range(len(BLOCKS))
    spreads = [added_spread(seen, index) for index in blocks]
    student = [
        stem(),
        *(conditioned(i, statistics(seen[i + 1]), spreads[i]) for i in blocks),
    ]
    for number, part in enumerate(student):
        _learn_alone(number, part, seen, schedule, seed=seed)
    del seen
    _learn_together(teacher, student, tiles, schedule)
    plain = [student[0], *(folded(i, student[i + 1], spreads[i]) for i in blocks)]
    return plain, unexplained(teacher, plain, [next(tiles) for _ in range(8)])


def watch(teacher: Any, tiles: Iterator[Pixels], *, batches: int) -> list[Floats]:
    """Gather the pixels and the teacher's features at every border, in half precision.

    Part k of the student is to turn seen[k] into seen[k + 1].
    """
    gathered: list[list[Floats]] = []
    for _ in range(batches):
        pixels = _scaled(next(tiles))
        maps = [pixels, *teacher(pixels, training=False)]
        gathered.append([np.asarray(features, np.float16) for features in maps])
    return [np.concatenate(border) for border in zip(*gathered, strict=True)]


def unexplained(
    teacher: Any, student: list[Any], batches: list[Pixels]
) -> dict[str, float]:
    """Measure what share of the teacher's variance the student misses."""
    totals = np.zeros(2)
    for batch in batches:
        target = teacher(_scaled(batch), training=False)
        answer = _answers(student, _scaled(batch))
        pairs = (
            (answer[-1], target[-1]),
            (pooled(answer[1:]), pooled(target[1:])),
        )
        totals += [float(_relative_error(*pair)) for pair in pairs]
    last, embedding = totals / len(batches)
    return {
        "last_block": round(float(last), 4),
        "embedding": round(float(embedding), 4),
    }


def _learn_alone(
    number: int, part: Any, seen: list[Floats], schedule: Schedule, *, seed: int
) -> None:
    rng = np.random.default_rng([seed, 5, number])
    before, after = seen[number], seen[number + 1]
    residual = number > 0 and is_residual(number - 1)
    count = max(2, POSITIONS // (after.shape[1] * after.shape[2]))

    def loss_of(features: Any, target: Any) -> Any:
        answer = part(features)
        if residual:  # Only what the block adds is to be learnt.
            answer, target = answer - features, target - features
        return _relative_error(answer, target)

    # The stem has few weights, each for many positions: it bears, and needs, more.
    rate = schedule.alone_rate * (2.5 if number == 0 else 1)
    steps = schedule.alone_steps * (2 if number < 2 else 1)
    step = _stepper(loss_of, [part], rate, steps)
    loss = 0.0
    for _ in range(steps):
        chosen = rng.integers(len(before), size=count)
        batch = (before[chosen], after[chosen])
        loss = float(step(*(tf.constant(b, tf.float32) for b in batch)))
    print(f"  part {number}: unexplained {loss:.3f}", flush=True)


def _learn_together(
    teacher: Any, student: list[Any], tiles: Iterator[Pixels], schedule: Schedule
) -> None:
    def loss_of(pixels: Any) -> Any:
        target = teacher(pixels, training=False)
        answer = _answers(student, pixels)
        maps = [
            _relative_error(answer[index], target[index])
            for index in (4, 7, 9, 10, len(BLOCKS))
        ]
        embedding = _relative_error(pooled(answer[1:]), pooled(target[1:]))
        return tf.add_n(maps) / len(maps) + embedding

    step = _stepper(loss_of, student, schedule.together_rate, schedule.together_steps)
    for number in range(schedule.together_steps):
        loss = step(_scaled(next(tiles)))
        if number % 100 == 0:
            print(f"  together {number}: loss {float(loss):.3f}", flush=True)


def _stepper(loss_of: Any, trained: list[Any], rate: float, steps: int) -> Any:
    """Make the function that lowers a loss by one step of Adam, warmed up, cooled."""
    weights = [weight for part in trained for weight in part.trainable_variables]
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, steps, warmup_target=rate, warmup_steps=steps // 20
    )
    optimizer = keras.optimizers.Adam(schedule, global_clipnorm=1.0)
    optimizer.build(weights)

    def descend(*batch: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(*batch)
        slopes = tape.gradient(loss, weights)
        optimizer.apply_gradients(zip(slopes, weights, strict=True))
        return loss

    # Without autograph: it reads the source, which may change under a long run.
    return tf.function(descend, autograph=False)


def _answers(student: list[Any], pixels: Any) -> list[Any]:
    maps = []
    for part in student:
        pixels = part(pixels)
        maps.append(pixels)
    return maps


def _relative_error(answer: Any, target: Any) -> Any:
    """Mean squared error over the variance of each channel: all count alike."""
    axes = list(range(len(target.shape) - 1))
    variance = tf.math.reduce_variance(target, axes)
    error = tf.reduce_mean(tf.square(answer - target), axes)
    # A channel that is silent in this batch must not outweigh the others.
    floor = 0.05 * tf.reduce_mean(variance) + 1e-6
    return tf.reduce_mean(error / (variance + floor))


def _scaled(tiles: Any) -> Any:
    return tf.cast(tiles, tf.float32) / 127.5 - 1.0
