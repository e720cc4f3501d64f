"""Send the model server 200 requests of 20 MB at once; write docs/benchmarks/crowd.md.

python -m benchmarks.crowd [--callers N] [--megabytes N]

What does not fit is to be refused, what fits to be answered, and the server to live.
"""

import argparse
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import psutil

from serving.messages import PREDICT, DataType, PredictRequest, TensorProto
from serving.messages import TensorShapeProto as Shape
from tests.data import REPOSITORY
from tests.model_server import ModelServer

REPORT = REPOSITORY / "docs" / "benchmarks" / "crowd.md"
MODEL = "echo"
DEADLINE_S = 120.0
OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # A connection for each client.
]


def request_of(megabytes: int) -> bytes:
    """An (n, 2) float32 tensor of that size."""
    rows = megabytes * 1_000_000 // 8
    tensor = TensorProto(
        dtype=DataType.Value("DT_FLOAT"),
        tensor_shape=Shape(dim=[Shape.Dim(size=rows), Shape.Dim(size=2)]),
        tensor_content=bytes(rows * 8),
    )
    request = PredictRequest(inputs={"x": tensor})
    request.model_spec.name = MODEL
    written: bytes = request.SerializeToString()
    return written


class Watch(threading.Thread):
    """The largest RSS that a process had, looked at fifty times a second."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._process = psutil.Process(pid)
        self._done = threading.Event()
        self.before_mb = self.now_mb()
        self.peak_mb = self.before_mb

    def now_mb(self) -> float:
        return float(self._process.memory_info().rss) / 1e6

    def run(self) -> None:
        while not self._done.wait(0.02):
            self.peak_mb = max(self.peak_mb, self.now_mb())

    def end(self) -> None:
        self._done.set()
        self.join()


def ask(address: str, request: bytes) -> str:
    """How one call, of a client of its own, ended."""
    with grpc.insecure_channel(address, OPTIONS) as channel:
        call: Any = channel.unary_unary(PREDICT)
        try:
            call(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            failed: Any = error
            return f"{failed.code().name}: {failed.details()}"
    return "answered"


def main() -> int:
    """Ask, count, print, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--megabytes", type=int, default=20)
    asked = parser.parse_args()
    request = request_of(asked.megabytes)
    with tempfile.TemporaryDirectory() as folder:
        write = [sys.executable, "-m", "tests.conformance.models", folder]
        subprocess.run(write, cwd=REPOSITORY, check=True, stdout=subprocess.DEVNULL)
        server = ModelServer(Path(folder) / MODEL, MODEL)
        try:
            server.start(wait_s=0)
            with grpc.insecure_channel(server.address) as channel:
                grpc.channel_ready_future(channel).result(60)
            watch = Watch(server.pid)
            watch.start()
            began = time.perf_counter()
            with ThreadPoolExecutor(asked.callers) as pool:
                asking = [
                    pool.submit(ask, server.address, request)
                    for _ in range(asked.callers)
                ]
            ends = Counter(each.result() for each in asking)
            took_s = time.perf_counter() - began
            watch.end()
            lives = server.returncode() is None
            again = ask(server.address, request_of(1))
        finally:
            server.stop()
    rows = "\n".join(f"| {end} | {count} |" for end, count in ends.most_common())
    page = f"""# A crowd, measured

Written by `python -m benchmarks.crowd` on {time.strftime("%Y-%m-%d")}; not by hand.
{asked.callers} clients sent {asked.megabytes} MB each to `python -m serving.server`,
all at once.

| how a call ended | calls |
|---|---|
{rows}

The server {"lived" if lives else "DIED"}, and a call after it was {again}.
It took {took_s:.0f} s; the server grew from {watch.before_mb:.0f} MB
to {watch.peak_mb:.0f} MB at most.
"""
    REPORT.write_text(page, encoding="utf-8")
    print(page)
    return int(not lives or again != "answered")


if __name__ == "__main__":
    sys.exit(main())
