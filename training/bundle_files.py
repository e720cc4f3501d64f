"""The files of a bundle, and whether they have been exported. No TensorFlow."""

import hashlib
import json
from pathlib import Path

from serving.contract import ModelContract

BUNDLED = Path(__file__).resolve().parent / "bundled"
WEIGHTS_FILE, SETTINGS_FILE = "weights.npz", "settings.json"
CARD_FILE, FIGURES_FILE = "card.md", "card.json"
DIGEST_FILE = "bundle.sha256"  # Under assets.extra/: what this was exported from.


def read_contract(folder: Path = BUNDLED) -> ModelContract:
    """Read the contract of a bundle without building its model."""
    settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    return ModelContract.from_json(json.dumps(settings["contract"]))


def digest(folder: Path = BUNDLED) -> str:
    """Hash what decides the answers: the weights and the settings."""
    total = hashlib.sha256()
    for name in (WEIGHTS_FILE, SETTINGS_FILE):
        total.update((folder / name).read_bytes())
    return total.hexdigest()


def companions(folder: Path = BUNDLED) -> dict[str, bytes]:
    """Collect what travels with the exported model: its card, figures and origin."""
    paths = [folder / name for name in (CARD_FILE, FIGURES_FILE)]
    found = {path.name: path.read_bytes() for path in paths if path.exists()}
    return {DIGEST_FILE: digest(folder).encode(), **found}


def latest_version(base_path: Path) -> int:
    """The highest version under models/<name>/, 0 if there is none."""
    if not base_path.is_dir():
        return 0
    versions = [int(p.name) for p in base_path.iterdir() if p.name.isdecimal()]
    return max(versions, default=0)


def exported(models: Path, folder: Path = BUNDLED) -> Path | None:
    """Find the latest version if it was exported from this very bundle."""
    base_path = models / read_contract(folder).name
    latest = base_path / str(latest_version(base_path))
    origin = latest / "assets.extra" / DIGEST_FILE
    if origin.is_file() and origin.read_text() == digest(folder):
        return latest
    return None
