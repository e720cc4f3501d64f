"""How the models of this server are computed: one by one or in batches."""

from dataclasses import dataclass
from pathlib import Path

from serving.server.batching import BatchedServable, BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.loader import Servable, Threads


@dataclass(frozen=True, kw_only=True)
class Execution:
    """scheduler: where all models' requests wait for their batch; None: they do not."""

    scheduler: BatchScheduler | None = None

    def load(self, folder: Path, *, threads: Threads) -> Servable:
        """Load a model to be computed so. Raises LoadError."""
        if self.scheduler is None:
            return Servable(folder, threads=threads)
        return BatchedServable(folder, threads=threads, scheduler=self.scheduler)


def make_execution(*, batching: BatchingParameters | None) -> Execution:
    """What the command line asks for. Starts the threads that batches need."""
    return Execution(scheduler=BatchScheduler(batching) if batching else None)
