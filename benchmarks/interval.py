"""Measure the interval of a probability; write docs/benchmarks/interval.md.

python -m benchmarks.interval [--ucsb FOLDER]

How wide it is; how often it holds the answer to another choice of tiles; and what it
adds to a call. The bundled model, in this process, on fields of the generator that it
has not seen and, with --ucsb, on the real fields that it was trained on.
"""

import argparse
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import psutil
import tensorflow as tf

from serving.contract import AGGREGATE, EMBEDDINGS, PROBABILITY
from serving.export import export_mil
from serving.mil import LOGITS, MilModel
from serving.resampling import RESAMPLES
from serving.server.loader import Servable, Threads
from serving.tiling import lay_out
from training.answering import answer_bag
from training.bundle import read
from training.datasets import Field, ucsb
from training.recipes.bags import embed, tiles_of
from training.recipes.bundled import synthetic_fields
from training.types import Flags, Floats

REPORT = Path(__file__).resolve().parent.parent / "docs" / "benchmarks" / "interval.md"
UNSEEN_SEED = 50_000
DRAWS = 20
FEW_DRAWS = 5
FEW = (2, 5, 10, 20, 40)
TILES = (30, 200, 2000, 12_000)
TURNS = 41
HEADS = (
    *("fields", "number", "tiles each", "median width", "middle 80 % of widths"),
    *("scattered half inside", "side inside"),
)
WIDTHS_HEAD = f"| {' | '.join(HEADS)} |\n|{'---|' * len(HEADS)}"
RNG = np.random.default_rng(0)


@dataclass
class Held:
    """What was found on one set of fields."""

    tiles: list[int] = field(default_factory=list)
    widths: list[float] = field(default_factory=list)
    scattered: list[bool] = field(default_factory=list)
    sides: list[bool] = field(default_factory=list)
    few: dict[int, list[bool]] = field(default_factory=lambda: {n: [] for n in FEW})


def measure_fields(model: MilModel, fields: Sequence[Field]) -> Held:
    """Ask about every field whole, about halves of it, and about few of its tiles."""
    held = Held()
    for one in fields:
        bag = embed(model.embedder, tiles_of(one.image, one.spacing_um, model.contract))
        whole = answer_bag(model, bag)
        low, high = whole.interval
        held.tiles.append(len(bag))
        held.widths.append(high - low)
        for _ in range(DRAWS):
            half = answer_bag(model, bag[drawn(len(bag), len(bag) // 2)])
            held.scattered.append(low <= half.probability <= high)
        for side in sides(one, model):
            half = answer_bag(model, bag[side])
            held.sides.append(low <= half.probability <= high)
        for count in FEW * FEW_DRAWS:
            part = answer_bag(model, bag[drawn(len(bag), count)])
            inside = part.interval[0] <= whole.probability <= part.interval[1]
            held.few[count].append(inside)
    return held


def drawn(tiles: int, count: int) -> Any:
    """Choose so many of the tiles, wherever they lie."""
    return RNG.choice(tiles, count, replace=False)


def sides(one: Field, model: MilModel) -> Iterator[Flags]:
    """The tiles of the left, right, upper and lower half of a field."""
    height, width = one.image.shape[:2]
    layout = lay_out(
        width_px=width,
        height_px=height,
        spacing_um=one.spacing_um,
        contract=model.contract,
    )
    for axis, size_px in enumerate(layout.size_px):
        middles = np.array([box[axis] + box.side / 2 for box in layout.boxes])
        yield middles < size_px / 2
        yield middles >= size_px / 2


def rows_of(name: str, held: Held) -> list[str]:
    """One set of fields, as a row of the first table and one of the second."""
    tenth = statistics.quantiles(held.widths, n=10, method="inclusive")
    few = " | ".join(percent(held.few[count]) for count in FEW)
    cells = [
        len(held.widths),
        f"{statistics.median(held.tiles):.0f}",
        f"{statistics.median(held.widths):.3f}",
        f"{tenth[0]:.3f} to {tenth[-1]:.3f}",
        percent(held.scattered),
        percent(held.sides),
    ]
    return [f"| {name} | {' | '.join(map(str, cells))} |", f"| {name} | {few} |"]


def percent(inside: Sequence[bool]) -> str:
    return f"{100 * sum(inside) / len(inside):.0f} %"


def export_plain(model: MilModel, folder: Path) -> None:
    """Save `aggregate` as it would be without an interval: one column of ones."""

    def aggregate(embeddings: Any) -> dict[str, Any]:
        ones = tf.ones([tf.shape(embeddings)[0], 1])
        bag = model.aggregator([embeddings, ones], training=False)
        answer = tf.sigmoid(bag.pop(LOGITS)[0] / model.temperature + model.bias)
        return {PROBABILITY: answer, **bag}

    module = tf.Module()
    module.kept = [variable._value for variable in model.aggregator.variables]  # noqa: SLF001 (Keras has no public name for it)
    spec = tf.TensorSpec((None, model.contract.embedding_dim), name=EMBEDDINGS)
    module.aggregate = tf.function(aggregate, input_signature=[spec])
    made = module.aggregate.get_concrete_function()
    tf.saved_model.save(module, str(folder), signatures={AGGREGATE: made})


def measure_cost(model: MilModel) -> list[str]:
    """With and without, in turns, as rows of a table."""
    with tempfile.TemporaryDirectory() as folder:
        export_plain(model, Path(folder, "plain"))
        new = export_mil(model, base_path=Path(folder), version=1)
        plain, resampled = (
            Servable(path, threads=Threads()) for path in (Path(folder, "plain"), new)
        )
        return [cost_row(plain, resampled, count, model) for count in TILES]


def cost_row(plain: Servable, resampled: Servable, count: int, model: MilModel) -> str:
    bag = RNG.normal(0, 1, (count, model.contract.embedding_dim)).astype(np.float32)
    peaks_mb = []
    for servable in (plain, resampled):
        aggregate_ms(servable, bag)  # The first call also makes the kernels.
        peaks_mb.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
    spent_ms = [
        (aggregate_ms(plain, bag), aggregate_ms(resampled, bag)) for _ in range(TURNS)
    ]
    before, after = (statistics.median(turns) for turns in zip(*spent_ms, strict=True))
    ratio = statistics.median(new / old for old, new in spent_ms)
    return (
        f"| {count} | {before:.2f} | {after:.2f} | {after - before:+.2f} | {ratio:.2f} "
        f"| {peaks_mb[1] - peaks_mb[0]:.0f} |"
    )


def aggregate_ms(servable: Servable, bag: Floats) -> float:
    """Milliseconds of one call, every output wanted."""
    signature = servable.signatures[AGGREGATE]
    began = time.perf_counter()
    servable.run(signature, {EMBEDDINGS: bag}, sorted(signature.outputs))
    return (time.perf_counter() - began) * 1000


def report(
    model: MilModel, sets: dict[str, Held], costs: list[str], load: float
) -> str:
    """The page."""
    widths, few = zip(*(rows_of(*pair) for pair in sets.items()), strict=True)
    line = "\n"
    return f"""# The interval of a probability, measured

Written by `python -m benchmarks.interval --ucsb FOLDER` on {time.strftime("%Y-%m-%d")};
not by hand. Model {model.contract.name}, {RESAMPLES} resamples, 90 % interval.

How wide (high minus low, on the scale of the probability), and how often the
probability of half a field lies inside the interval of the whole field. Were tiles
independent, a scattered half (every second tile, at random, {DRAWS} draws a field)
would be inside 90 % of the time. A side (left, right, upper, lower half) is another
place of the tissue, whose tiles are alike: the interval does not promise to hold it.

{WIDTHS_HEAD}
{line.join(widths)}

From few tiles: how often the interval of so many, drawn at random ({FEW_DRAWS} times a
field), holds the probability of the whole field.

| fields | {" | ".join(f"{count} tiles" for count in FEW)} |
|---|{"---|" * len(FEW)}
{line.join(few)}

What it adds to a call of `aggregate`, through the Session loader, in turns with the
same model without it; median of {TURNS} turns, {psutil.cpu_count()} cores. Ratios
travel to other machines, absolute figures do not. Load average when it began:
{load:.1f}; above 1 other work disturbed the figures.

| tiles | without, ms | with, ms | added, ms | ratio | peak memory added, MB |
|---|---|---|---|---|---|
{line.join(costs)}
"""


def main() -> None:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ucsb", type=Path, help="the folder of UCSB's fields")
    chosen: Path | None = parser.parse_args().ucsb
    load = os.getloadavg()[0]
    model = read()
    costs = measure_cost(model)
    fields = {"synthetic, unseen": synthetic_fields(UNSEEN_SEED)}
    if chosen is not None:
        fields["UCSB, trained on"] = ucsb.read(chosen)
    sets = {name: measure_fields(model, those) for name, those in fields.items()}
    page = report(model, sets, costs, load)
    REPORT.write_text(page, encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
