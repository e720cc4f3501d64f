"""The weights that ship: writing them, and making the model that is served of them."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from serving.contract import ModelContract
from serving.export import export_mil
from serving.mil import MilModel
from training.architectures.aggregator import aggregator
from training.architectures.gated_attention import gated_attention
from training.architectures.tile_encoder import parts, tile_encoder
from training.architectures.tissue import tissue_distances
from training.bundle_files import (
    BUNDLED,
    SETTINGS_FILE,
    WEIGHTS_FILE,
    companions,
    latest_version,
)
from training.evaluation.calibration import Platt
from training.generator import field
from training.recipes.bags import tiles_of
from training.recipes.figures import UNSEEN_DRAWINGS
from training.types import Pixels

EVALUATED = 8  # Seconds, not minutes, at the first start of all.


class BundleError(Exception):
    """The bundle cannot be used; asking again does not help."""


@dataclass(frozen=True, slots=True)
class Trained:
    """The trained parts: the encoder's, the attention's, the tissue score's."""

    encoder_parts: list[Any]
    mil: Any
    tissue: Any

    def named(self) -> dict[str, Any]:
        """Name every part, for the weights file."""
        named = {f"encoder_{n:02}": part for n, part in enumerate(self.encoder_parts)}
        return {**named, "mil": self.mil, "tissue": self.tissue}


def untrained() -> Trained:
    """Build the parts with weights that mean nothing."""
    return Trained(parts(), gated_attention(), tissue_distances())


def write(
    folder: Path, trained: Trained, contract: ModelContract, calibration: Platt
) -> None:
    """Write weights in half precision, and the settings that belong to them."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {
        f"{name}/{number:02}": stored(weight)
        for name, part in trained.named().items()
        for number, weight in enumerate(part.get_weights())
    }
    np.savez_compressed(folder / WEIGHTS_FILE, **arrays)
    settings = {
        "contract": json.loads(contract.to_json()),
        "temperature": calibration.temperature,
        "bias": calibration.bias,
    }
    text = json.dumps(settings, indent=2, ensure_ascii=False, sort_keys=True)
    (folder / SETTINGS_FILE).write_text(text + "\n", encoding="utf-8")


def stored(weight: Any) -> Any:
    """Round to half precision, as it is stored. Raises BundleError if out of range."""
    half = np.asarray(weight).astype(np.float16)
    if not np.isfinite(half).all():
        raise BundleError("a weight does not fit into half precision")
    return half


def rounded(trained: Trained) -> Trained:
    """Give the parts the very weights that will be read back."""
    for part in trained.named().values():
        part.set_weights([stored(w).astype(np.float32) for w in part.get_weights()])
    return trained


def read(folder: Path = BUNDLED) -> MilModel:
    """Build the Keras model from a bundle. Raises BundleError."""
    return assembled(*read_parts(folder))


def read_parts(folder: Path) -> tuple[Trained, ModelContract, Platt]:
    """Read what `write` wrote. Raises BundleError."""
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        with (
            (folder / WEIGHTS_FILE).open("rb") as stored_file,
            np.load(stored_file, allow_pickle=False) as arrays,
        ):
            weights = {name: arrays[name].astype(np.float32) for name in arrays.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise BundleError(f"{folder.name}: cannot be read: {error}") from error
    contract = ModelContract.from_json(json.dumps(settings["contract"]))
    trained = untrained()
    for name, part in trained.named().items():
        own = sorted(key for key in weights if key.startswith(f"{name}/"))
        if len(own) != len(part.get_weights()):
            raise BundleError(f"{folder.name}: {name} has {len(own)} weights")
        part.set_weights([weights[key] for key in own])
    return trained, contract, Platt(settings["temperature"], settings["bias"])


def assembled(
    trained: Trained, contract: ModelContract, calibration: Platt
) -> MilModel:
    """Join the parts into what the exporter takes."""
    return MilModel(
        embedder=tile_encoder(trained.encoder_parts, side_px=contract.tile_side_px),
        aggregator=aggregator(trained.mil, trained.tissue),
        contract=contract,
        temperature=calibration.temperature,
        bias=calibration.bias,
    )


def evaluation_tiles(contract: ModelContract) -> Iterator[Pixels]:
    """Draw the images on which the export measures what bfloat16 changes.

    Half of them malignant; none was trained on. Gives the tiles of each.
    """
    for seed in UNSEEN_DRAWINGS[:EVALUATED]:
        drawn = field(seed, malignant=bool(seed % 2))
        yield tiles_of(drawn.image, drawn.spacing_um, contract)


def export(models: Path, *, folder: Path = BUNDLED) -> Path:
    """Export the bundle as the next version under models/<name>/; returns its folder.

    Raises BundleError, serving.export.ExportError.
    """
    model = read(folder)
    base_path = models / model.contract.name
    return export_mil(
        model,
        base_path=base_path,
        version=latest_version(base_path) + 1,
        extra=companions(folder),
        evaluation=evaluation_tiles(model.contract),
    )
