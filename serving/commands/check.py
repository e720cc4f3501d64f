"""`check`: whether a version's folder can be served, what it takes, how fast it is."""

import argparse
from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from serving.commands.looking import BATCHES, ROUND_S, Rate, load, rates
from serving.contract import ContractError
from serving.server.loader import LoadError, Servable, TensorInfo


def run(asked: argparse.Namespace, said: Console, told: Console) -> int:
    """Print the signatures and figures; 1 for a model that does not pass."""
    with told.status("Loading, and replaying the warm-up ..."):
        try:
            loaded = load(asked.folder)
        except (LoadError, ContractError) as error:
            told.print(f"Not fit to be served: {error}", markup=False)
            return 1
    said.print(_signatures(loaded.servable))
    facts = Table.grid(padding=(0, 2))
    facts.add_row("contract", loaded.contract.name if loaded.contract else "none")
    facts.add_row("on disk", f"{loaded.disk_bytes / 1e6:.1f} MB")
    facts.add_row("load and warm-up", f"{loaded.load_s:.1f} s")
    facts.add_row("memory", f"{loaded.memory_bytes / 1e6:.0f} MB")
    for rate in _timed(loaded.servable, told):
        facts.add_row(f"batch of {rate.batch}", f"{rate.images_per_s:.1f} images/s")
    said.print(facts)
    loaded.servable.close()
    return 0


def _signatures(servable: Servable) -> Table:
    table = Table("signature", "takes", "gives")
    for name, signature in sorted(servable.signatures.items()):
        table.add_row(name, _tensors(signature.inputs), _tensors(signature.outputs))
    return table


def _tensors(infos: Mapping[str, TensorInfo]) -> str:
    return "\n".join(
        f"{alias} {info.dtype_name} {_shape(info.shape)}"
        for alias, info in sorted(infos.items())
    )


def _shape(shape: tuple[int, ...] | None) -> str:
    if shape is None:
        return "of any rank"
    return "(" + ", ".join("n" if size == -1 else str(size) for size in shape) + ")"


def _timed(servable: Servable, told: Console) -> list[Rate]:
    """The last rate of each batch size; a bar meanwhile."""
    latest: dict[int, Rate] = {}
    columns = (TextColumn("Timing"), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=told, transient=True) as progress:
        task = progress.add_task("", total=ROUND_S * len(BATCHES))
        for rate in rates(servable):
            latest[rate.batch] = rate
            progress.update(
                task,
                completed=ROUND_S * (len(latest) - 1) + rate.done_s,
                description=f"{rate.batch} at once: {rate.images_per_s:.1f} images/s",
            )
    return list(latest.values())
