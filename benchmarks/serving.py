"""Measure the client and the model server; write docs/benchmarks/serving.md.

python -m benchmarks.serving [BASE_PATH]

BASE_PATH: models/<name> of a "mil" model; without it, the tests' tiny one. Both sides
of a ratio run in turns, on the same tiles, with as many callers. The page's section
about real networks is written by benchmarks.serving_networks.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from benchmarks.serving_page import write_first
from serving.client import ServingClient
from serving.contract import EMBED
from serving.server.loader import Servable, Threads
from tests.model_server import ModelServer, export_tiny_model

BATCH = 16
CALLERS = 16
ROUNDS = 7
ROUND_S = 2.0

IMPORT = """
import json, sys, time
start, cpu = time.perf_counter(), time.process_time()
{code}
print(json.dumps({{
    "s": time.perf_counter() - start,
    "mb": int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6,
}}))
"""


def measure_import(code: str) -> tuple[float, float]:
    """Seconds and MB RSS of a fresh process; the median of five."""
    runs = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", IMPORT.format(code=code)],
                check=True,
                capture_output=True,
            ).stdout
        )
        for _ in range(5)
    ]
    return (
        statistics.median(run["s"] for run in runs),
        statistics.median(run["mb"] for run in runs),
    )


def measure_rate(call: Callable[[], object]) -> float:
    """Tiles per second of CALLERS threads that each call with BATCH tiles."""
    deadline = time.perf_counter() + ROUND_S

    def work(_: int) -> int:
        done = 0
        while time.perf_counter() < deadline:
            call()
            done += 1
        return done

    with ThreadPoolExecutor(CALLERS) as pool:
        start = time.perf_counter()
        calls = sum(pool.map(work, range(CALLERS)))
        return calls * BATCH / (time.perf_counter() - start)


def measure_throughput(
    server: ModelServer, client: ServingClient, folder: Path
) -> dict[str, float]:
    """Served and bare rates in turns, and the CPU that a call costs the client."""
    contract, version = client.describe()
    side = contract.tile_side_px
    random = np.random.default_rng(0)
    tiles = random.integers(0, 256, (BATCH, side, side, 3)).astype(np.uint8)
    bare = Servable(folder, threads=Threads())
    signature = bare.signatures[EMBED]
    rates: dict[str, list[float]] = {"served": [], "bare": []}
    for _ in range(ROUNDS):
        rates["served"].append(
            measure_rate(lambda: client.embed(tiles, version=version))
        )
        rates["bare"].append(
            measure_rate(lambda: bare.run(signature, {"tiles": tiles}, ["embeddings"]))
        )
    bare.close()
    ratios = [
        served / alone
        for served, alone in zip(rates["served"], rates["bare"], strict=True)
    ]
    start_cpu, calls = time.process_time(), 200
    latencies_ms = []
    for _ in range(calls):
        start = time.perf_counter()
        client.embed(tiles, version=version)
        latencies_ms.append((time.perf_counter() - start) * 1000)
    return {
        "served": statistics.median(rates["served"]),
        "bare": statistics.median(rates["bare"]),
        "ratio": statistics.median(ratios),
        "ratio_low": min(ratios),
        "ratio_high": max(ratios),
        "client_cpu_ms": (time.process_time() - start_cpu) / calls * 1000,
        "latency_ms": statistics.median(latencies_ms),
        "server_mb": psutil.Process(server.pid).memory_info().rss / 1e6,
    }


def measure_start(server: ModelServer) -> float:
    """Seconds from the command to the first answer; the median of three."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        server.start()
        seconds.append(time.perf_counter() - start)
        server.stop()
    return statistics.median(seconds)


def report(model: str, rows: list[tuple[str, str]], *, load: float) -> str:
    """The page."""
    table = "\n".join(f"| {what} | {figure} |" for what, figure in rows)
    return f"""# The model server and its client, measured

Written by `python -m benchmarks.serving` on {time.strftime("%Y-%m-%d")}; not by hand.
{psutil.cpu_count()} cores; model {model}; {CALLERS} callers with {BATCH} tiles each;
median of {ROUNDS} rounds of {ROUND_S:g} s, served and bare in turns. The callers share
the cores with the server. Ratios travel to other machines, absolute figures do not.
Load average when it began: {load:.1f}; above 1 other work disturbed the figures.

| What | Figure |
|---|---|
{table}
"""


def measure(base_path: Path) -> list[tuple[str, str]]:
    """Everything, as rows of a table."""
    plain_s, plain_mb = measure_import("import tensorflow_serving.apis.predict_pb2")
    client_s, client_mb = measure_import("import serving.client")
    version = max(int(path.name) for path in base_path.iterdir())
    server = ModelServer(base_path, base_path.name)
    start_s = measure_start(server)
    with (
        server,
        ServingClient(
            server.address, base_path.name, timeout_s=60, connect_timeout_s=5
        ) as client,
    ):
        figures: dict[str, Any] = measure_throughput(
            server, client, base_path / str(version)
        )
    return [
        ("client: import", f"{client_s:.2f} s, {client_mb:.0f} MB RSS"),
        (
            "the same messages by way of TensorFlow",
            f"{plain_s:.2f} s, {plain_mb:.0f} MB",
        ),
        ("server: command to first answer", f"{start_s:.1f} s"),
        ("server: memory under load", f"{figures['server_mb']:.0f} MB RSS"),
        ("served", f"{figures['served']:.0f} tiles/s"),
        ("bare model, same runtime", f"{figures['bare']:.0f} tiles/s"),
        (
            "served / bare",
            "{ratio:.2f} ({ratio_low:.2f}-{ratio_high:.2f})".format(**figures),
        ),
        (f"one caller, {BATCH} tiles: latency", f"{figures['latency_ms']:.1f} ms"),
        ("of it, CPU of the client", f"{figures['client_cpu_ms']:.2f} ms"),
    ]


def main() -> None:
    """Measure, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_path", nargs="?", type=Path)
    chosen: Path | None = parser.parse_args().base_path
    with tempfile.TemporaryDirectory() as folder:
        base_path = chosen or Path(folder, "tiny-mil")
        if chosen is None:
            export_tiny_model(base_path)
        load = os.getloadavg()[0]
        page = report(base_path.name, measure(base_path), load=load)
    write_first(page)
    print(page)


if __name__ == "__main__":
    main()
