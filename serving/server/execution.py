"""How the models of this server are computed: in batches or not, with how many bits."""

import logging
from dataclasses import dataclass
from pathlib import Path

from serving.bfloat16 import MOST_CHANGE, RECORD_FILE, Bfloat16Record
from serving.server.batching import BatchedServable, BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.loader import LoadError, Servable, Threads

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Execution:
    """scheduler: where all models' requests wait for their batch; None: they do not."""

    scheduler: BatchScheduler | None = None
    bfloat16: bool = False

    def load(self, folder: Path, *, threads: Threads) -> Servable:
        """Load a model to be computed so. Raises LoadError."""
        if self.bfloat16:
            _check_record(folder)
        if self.scheduler is None:
            return Servable(folder, threads=threads, bfloat16=self.bfloat16)
        return BatchedServable(
            folder,
            threads=threads,
            scheduler=self.scheduler,
            bfloat16=self.bfloat16,
        )


def make_execution(
    *, batching: BatchingParameters | None, bfloat16: bool = False
) -> Execution:
    """What the command line asks for. Starts the threads that batches need."""
    scheduler = BatchScheduler(batching) if batching else None
    return Execution(scheduler=scheduler, bfloat16=bfloat16)


def _check_record(folder: Path) -> None:
    """Raise LoadError for a model whose answers bfloat16 changes too much."""
    try:
        text = (folder / RECORD_FILE).read_text(encoding="utf-8")
        record = Bfloat16Record.from_json(text)
    except FileNotFoundError:
        logger.warning(
            "%s: nobody measured what bfloat16 changes in its answers: "
            "without %s it is served on trust",
            folder,
            RECORD_FILE,
        )
        return
    except (OSError, ValueError) as error:
        raise LoadError(f"{folder.name}: {RECORD_FILE}: {error}") from error
    if not record.is_safe:
        raise LoadError(
            f"{folder.name}: bfloat16 changes a probability by "
            f"{record.largest_change:.3g}, and {MOST_CHANGE:g} is the most: serve this "
            "model without --mixed_precision"
        )
