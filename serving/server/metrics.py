"""What the server counts about itself, for Prometheus.

The metrics of TensorFlow Serving (servables/tensorflow/util.cc) and of its runtime, as
far as they mean something here; on one page, as its util/prometheus_exporter.cc writes
it. One registry for the process, as there.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from time import perf_counter

from serving.server.status import StatusError

Labels = tuple[str, ...]


class Counter:
    """A number that only grows, for each combination of labels."""

    kind = "counter"

    def __init__(self, name: str, *labels: str) -> None:
        """Start empty."""
        self.name = name
        self._labels = labels
        self._lock = Lock()
        self._cells: dict[Labels, int] = {}

    def add(self, number: int, *values: str) -> None:
        """Count `number` more under these label values."""
        with self._lock:
            self._cells[values] = self._cells.get(values, 0) + number

    def lines(self) -> Iterator[str]:
        """Write every cell."""
        with self._lock:
            cells = sorted(self._cells.items())
        for values, number in cells:
            yield f"{self.name}{{{_pairs(self._labels, values)}}} {number}"


class Histogram:
    """How many observations lie below each limit, for each combination of labels.

    limits: the first one, what the next is multiplied by, how many.
    """

    kind = "histogram"

    def __init__(
        self, name: str, *labels: str, limits: tuple[float, float, int]
    ) -> None:
        """Start empty."""
        self.name = name
        self._labels = labels
        first, factor, count = limits
        self._limits = [first * factor**step for step in range(count)]
        self._lock = Lock()
        self._cells: dict[Labels, tuple[list[int], int]] = {}

    def observe(self, number: int, *values: str) -> None:
        """Record one observation under these label values."""
        with self._lock:
            counts, total = self._cells.get(values, ([0] * (len(self._limits) + 1), 0))
            counts[bisect_right(self._limits, number)] += 1
            self._cells[values] = (counts, total + number)

    def lines(self) -> Iterator[str]:
        """Write every cell, counts added up from limit to limit."""
        with self._lock:
            cells = sorted(
                (values, list(counts), total)
                for values, (counts, total) in self._cells.items()
            )
        limits = [*(f"{limit:g}" for limit in self._limits), "+Inf"]
        for values, counts, total in cells:
            pairs = _pairs(self._labels, values)
            below = 0
            for limit, count in zip(limits, counts, strict=True):
                below += count
                labels = _pairs((*self._labels, "le"), (*values, limit))
                yield f"{self.name}_bucket{{{labels}}} {below}"
            yield f"{self.name}_sum{{{pairs}}} {total}"
            yield f"{self.name}_count{{{pairs}}} {below}"


def _pairs(names: Sequence[str], values: Sequence[str]) -> str:
    return ",".join(
        f'{name}="{_escaped(value)}"' for name, value in zip(names, values, strict=True)
    )


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


MICROSECONDS = (10, 1.8, 33)  # To about 20 minutes.
EXAMPLES = (1, 2, 15)  # To 16,384.

REQUEST_COUNT = Counter(":tensorflow:serving:request_count", "model_name", "status")
REQUEST_LATENCY = Histogram(
    ":tensorflow:serving:request_latency",
    *("model_name", "API", "entrypoint"),
    limits=MICROSECONDS,
)
RUNTIME_LATENCY = Histogram(
    ":tensorflow:serving:runtime_latency",
    *("model_name", "API", "runtime"),
    limits=MICROSECONDS,
)
EXAMPLE_COUNT = Counter(":tensorflow:serving:request_example_count_total", "model")
EXAMPLE_COUNTS = Histogram(
    ":tensorflow:serving:request_example_counts", "model", limits=EXAMPLES
)
WARMUP_LATENCY = Histogram(
    ":tensorflow:serving:model_warmup_latency",
    *("model_path", "status"),
    limits=MICROSECONDS,
)
LOAD_ATTEMPT_COUNT = Counter(
    ":tensorflow:cc:saved_model:load_attempt_count", "model_path", "status"
)
LOAD_LATENCY = Counter(":tensorflow:cc:saved_model:load_latency", "model_path")
GRAPH_RUNS = Counter(":tensorflow:core:graph_runs")
GRAPH_RUN_TIME = Counter(":tensorflow:core:graph_run_time_usecs")

ALL: tuple[Counter | Histogram, ...] = (
    LOAD_ATTEMPT_COUNT,
    LOAD_LATENCY,
    GRAPH_RUN_TIME,
    GRAPH_RUNS,
    WARMUP_LATENCY,
    REQUEST_COUNT,
    EXAMPLE_COUNT,
    EXAMPLE_COUNTS,
    REQUEST_LATENCY,
    RUNTIME_LATENCY,
)


def page() -> str:
    """Everything, in Prometheus' text format."""
    lines = []
    for metric in ALL:
        lines.append(f"# TYPE {metric.name} {metric.kind}")
        lines.extend(metric.lines())
    return "\n".join(lines) + "\n"


class Stopwatch:
    """Microseconds since it was made."""

    def __init__(self) -> None:
        """Start."""
        self._started_s = perf_counter()

    @property
    def elapsed_us(self) -> int:
        """How long ago that was."""
        return int((perf_counter() - self._started_s) * 1e6)


@contextmanager
def counted_request(model: str, api: str, entrypoint: str) -> Iterator[None]:
    """Count a request by how it ends, and its time if it ends well."""
    watch = Stopwatch()
    status = "UNKNOWN"
    try:
        yield
        status = "OK"
        REQUEST_LATENCY.observe(watch.elapsed_us, model, api, entrypoint)
    except StatusError as error:
        status = error.code.name
        raise
    finally:
        REQUEST_COUNT.add(1, model, status)


@contextmanager
def timed_run(model: str, api: str) -> Iterator[None]:
    """Put the time of a computation down to a model, if it ends well."""
    watch = Stopwatch()
    yield
    RUNTIME_LATENCY.observe(watch.elapsed_us, model, api, "TF1")


@contextmanager
def timed_graph() -> Iterator[None]:
    """Count one run of a graph."""
    watch = Stopwatch()
    yield
    GRAPH_RUNS.add(1)
    GRAPH_RUN_TIME.add(watch.elapsed_us)


@contextmanager
def timed_warmup(folder: Path) -> Iterator[None]:
    """Time the replay of a model's records, if it ends well."""
    watch = Stopwatch()
    yield
    WARMUP_LATENCY.observe(watch.elapsed_us, str(folder), "OK")


@contextmanager
def timed_load(folder: Path) -> Iterator[None]:
    """Count an attempt to load a model, and its time if it ends well."""
    watch = Stopwatch()
    status = "fail"
    try:
        yield
        status = "success"
        LOAD_LATENCY.add(watch.elapsed_us, str(folder))
    finally:
        LOAD_ATTEMPT_COUNT.add(1, str(folder), status)
