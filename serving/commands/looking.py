"""A model on disk, looked at the way production will: load, warm up, ask, time."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.conforming import check_signatures
from serving.contract import CONTRACT_FILE, SERVING_DEFAULT, ModelContract
from serving.server.loader import Array, Servable, Signature, TensorInfo, Threads
from serving.server.warmup import warm_up

BATCHES = (1, 16)
ROUND_S = 3.0  # Of each batch size, after one call that does not count.


@dataclass(frozen=True)
class Loaded:
    """A model that passed.

    contract: None where the folder holds none. memory_bytes: by how much this process
    grew; with what TensorFlow itself needs for a first run.
    """

    servable: Servable
    contract: ModelContract | None
    disk_bytes: int
    load_s: float
    memory_bytes: int


@dataclass(frozen=True)
class Rate:
    """Images a second at one batch size, once a call has ended."""

    batch: int
    done_s: float
    images_per_s: float


def load(folder: Path) -> Loaded:
    """Load a version's folder, replay its warm-up, hold it against its contract.

    Raises LoadError, ContractError.
    """
    before, began = _resident_bytes(), time.perf_counter()
    servable = Servable(folder, threads=Threads())
    warm_up(servable, folder)
    load_s = time.perf_counter() - began
    contract = _contract_of(folder)
    if contract is not None:
        check_signatures(contract, servable)
    return Loaded(
        servable,
        contract,
        disk_bytes=sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()),
        load_s=load_s,
        memory_bytes=_resident_bytes() - before,
    )


def rates(servable: Servable) -> Iterator[Rate]:
    """Ask the default signature again and again; yields after each call.

    Nothing where it takes other things than batches of numbers.
    """
    signature = servable.signatures.get(SERVING_DEFAULT)
    if signature is None or not all(map(_is_batch, signature.inputs.values())):
        return
    for batch in BATCHES:
        yield from _rates(servable, signature, batch)


def _rates(servable: Servable, signature: Signature, batch: int) -> Iterator[Rate]:
    feeds = {alias: _grey(info, batch) for alias, info in signature.inputs.items()}
    wanted = sorted(signature.outputs)
    servable.run(signature, feeds, wanted)
    began, calls, done_s = time.perf_counter(), 0, 0.0
    while done_s < ROUND_S:
        servable.run(signature, feeds, wanted)
        calls, done_s = calls + 1, time.perf_counter() - began
        yield Rate(batch, done_s, calls * batch / done_s)


def _is_batch(info: TensorInfo) -> bool:
    """Numbers, of which only the first size is open."""
    if info.shape is None or not info.shape or info.numpy_dtype is object:
        return False
    return info.shape[0] == -1 and min(info.shape[1:], default=1) > 0


def _grey(info: TensorInfo, batch: int) -> Array:
    return np.full((batch, *(info.shape or ())[1:]), 127, info.numpy_dtype)


def _contract_of(folder: Path) -> ModelContract | None:
    path = folder / "assets.extra" / CONTRACT_FILE
    return ModelContract.from_json(path.read_bytes()) if path.is_file() else None


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096
