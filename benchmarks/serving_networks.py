"""Measure the model server with real networks; add it to docs/benchmarks/serving.md.

python -m benchmarks.serving_networks [--quick]

DenseNet201 and MobileNetV3Small with weights that mean nothing, 224 x 224 px float32,
one image a call. The server with and without --enable_batching, and where the processor
has it with bfloat16; the model alone in this process, frozen and as TensorFlow loads
it, as many images at once as there are callers. All in turns.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks.serving_load import Caller, Feeds, Load, add_round, bare_call
from benchmarks.serving_page import write_section
from serving.server.loader import Servable, Threads
from tests.model_server import ModelServer

TITLE = "Real networks"
NETWORKS = ("DenseNet201", "MobileNetV3Small")
CALLERS = (1, 4, 16, 64)
HAS_BFLOAT16 = "_bf16" in Path("/proc/cpuinfo").read_text()
EXPORT = """
import sys, keras
network = getattr(keras.applications, sys.argv[1])(weights=None)
network.export(sys.argv[2], verbose=False)
"""
PLAIN, FROZEN = "plain, alone", "frozen, alone"
THREADS = f"--grpc_max_threads={max(CALLERS)}"
SERVERS: dict[str, tuple[str, ...]] = {
    "served": (THREADS,),
    "served, batching": (THREADS, "--enable_batching"),
}
if HAS_BFLOAT16:
    SERVERS["served, batching, bfloat16"] = (
        THREADS,
        "--enable_batching",
        "--mixed_precision=bfloat16",
    )

HEAD = (
    "| callers | side | images/s | / frozen | / plain | p50 ms | p95 ms | p99 ms |",
    "|---|---|---|---|---|---|---|---|",
)
COSTS = ("| | command to first answer | memory under load, RSS |", "|---|---|---|")
INTRODUCTION = """
Written by `python -m benchmarks.serving_networks` on {day}; not by hand. {cores} cores,
shared by callers and server; 224 x 224 px float32, one image a call; medians of
{effort.rounds} rounds of {effort.round_s:g} s, all sides in turns. "Alone" is the model
in the callers' process, given as many images at once as there are callers: "frozen" as
the server runs it, "plain" as TensorFlow loads it. Ratios travel to other machines,
absolute figures do not. bfloat16: {bfloat16}. Load average when it began: {load:.1f};
above 1 other work disturbed the figures.
"""


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    networks: tuple[str, ...] = NETWORKS
    callers: tuple[int, ...] = CALLERS
    rounds: int = 3
    round_s: float = 3.0


QUICK = Effort(networks=NETWORKS[1:], callers=(1, 4), rounds=1, round_s=0.5)


def export(network: str, folder: Path) -> Path:
    """Write the network as version 1; in a child: this process stays without Keras."""
    base_path = folder / network
    subprocess.run(
        [sys.executable, "-c", EXPORT, network, str(base_path / "1")],
        check=True,
        capture_output=True,
    )
    return base_path


class Served:
    """A server of a network, from its start to its first answer."""

    def __init__(self, base_path: Path, flags: tuple[str, ...], feeds: Feeds) -> None:
        """Start it."""
        self._server = ModelServer(base_path, base_path.name, *flags)
        began = time.perf_counter()
        self._server.start(wait_s=0)
        self.ask = Caller(self._server.address, base_path.name, feeds)
        try:
            self.ask()
        except BaseException:
            self.close()
            raise
        self.start_s = time.perf_counter() - began

    @property
    def memory_mb(self) -> float:
        """Its memory now, RSS."""
        return psutil.Process(self._server.pid).memory_info().rss / 1e6

    def close(self) -> None:
        """End it."""
        self.ask.close()
        self._server.stop()


def measure(base_path: Path, effort: Effort) -> str:
    """The part of the page about one network."""
    image = np.random.default_rng(0).random((1, 224, 224, 3), np.float32)
    with ExitStack() as stack:
        alone = {
            PLAIN: Servable(base_path / "1", threads=Threads(), freezes=False),
            FROZEN: Servable(base_path / "1", threads=Threads()),
        }
        for each in alone.values():
            stack.callback(each.close)
        (alias,) = alone[PLAIN].signatures["serving_default"].inputs
        feeds = {alias: image}
        served = {
            side: stack.enter_context(closing(Served(base_path, flags, feeds)))
            for side, flags in SERVERS.items()
        }
        rows = []
        for callers in effort.callers:
            loads = in_turns(alone, served, feeds, callers=callers, effort=effort)
            rows += [row(side, callers, load, loads) for side, load in loads.items()]
        costs = [
            f"| {side} | {each.start_s:.1f} s | {each.memory_mb:.0f} MB |"
            for side, each in served.items()
        ]
    return "\n".join([f"### {base_path.name}", "", *HEAD, *rows, "", *COSTS, *costs])


def in_turns(
    alone: dict[str, Servable],
    served: dict[str, Served],
    feeds: Feeds,
    *,
    callers: int,
    effort: Effort,
) -> dict[str, Load]:
    """Measure every side for a while, and again, so that all meet the same weather."""
    images = {name: np.repeat(image, callers, axis=0) for name, image in feeds.items()}
    together = {side: bare_call(model, images) for side, model in alone.items()}
    loads = {side: Load() for side in (*together, *served)}
    for call in together.values():
        call()  # The first of a shape makes the kernels.
    for _ in range(effort.rounds):
        for side, call in together.items():
            add_round(
                loads[side], call, callers=1, images=callers, round_s=effort.round_s
            )
        for side, each in served.items():
            add_round(
                loads[side],
                each.ask,
                callers=callers,
                images=1,
                round_s=effort.round_s,
            )
    return loads


def row(side: str, callers: int, load: Load, loads: dict[str, Load]) -> str:
    """One line of the table."""
    ratios = [f"{load.rate / loads[bare].rate:.2f}" for bare in (FROZEN, PLAIN)]
    waits = [f"{load.wait_ms(percent):.0f}" for percent in (50, 95, 99)]
    figures = [str(callers), side, f"{load.rate:.1f}", *ratios, *waits]
    return f"| {' | '.join(figures)} |"


def main() -> None:
    """Measure, print, and write the page unless it was only tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="try; write nothing")
    is_quick: bool = parser.parse_args().quick
    effort = QUICK if is_quick else Effort()
    load_average = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        parts = [
            measure(export(network, Path(folder)), effort)
            for network in effort.networks
        ]
    words = INTRODUCTION.format(
        day=time.strftime("%Y-%m-%d"),
        cores=psutil.cpu_count(),
        effort=effort,
        load=load_average,
        bfloat16="measured too" if HAS_BFLOAT16 else "not in this processor",
    )
    section = "\n\n".join([words.strip(), *parts])
    print(section)
    if not is_quick:
        write_section(TITLE, section)


if __name__ == "__main__":
    main()
