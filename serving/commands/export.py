"""`export`: two Keras models and a contract, to the next version of a model."""

import argparse

import keras
from rich.console import Console

from serving.contract import ModelContract
from serving.export import ExportError, export_mil
from serving.mil import MilModel
from serving.server.versions import find_versions


def run(asked: argparse.Namespace, said: Console, told: Console) -> int:
    """Write the version's folder, and print it."""
    version = asked.version or max(find_versions(asked.base_path), default=0) + 1
    with told.status("Exporting, and loading back as production does ..."):
        try:
            model = MilModel(
                embedder=keras.saving.load_model(asked.embedder, compile=False),
                aggregator=keras.saving.load_model(asked.aggregator, compile=False),
                contract=ModelContract.from_json(asked.contract.read_bytes()),
                temperature=asked.temperature,
                bias=asked.bias,
            )
            written = export_mil(model, base_path=asked.base_path, version=version)
        except (ExportError, OSError, ValueError, TypeError) as error:
            told.print(f"Not exported: {error}", markup=False)
            return 1
    said.print(str(written), markup=False)
    return 0
