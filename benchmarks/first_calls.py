"""Does the model server live through its first calls, all at once?

python -m benchmarks.first_calls [STARTS]: starts it again and again with the bundled
model; three clients ask at once as soon as it answers. Prints how often it died.
"""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from serving.client import ServingClient
from serving.errors import ServingError
from tests.model_server import ModelServer

MODEL = "breast-mil"
CLIENTS = 3
TILES = (64, 64, 15)  # Of one 896 x 768 px field at 0.25 µm.


def ask(address: str, seed: int) -> None:
    noise = np.random.default_rng(seed)
    with ServingClient(address, MODEL, timeout_s=60, connect_timeout_s=5) as client:
        contract, version = client.describe()
        side = contract.tile_side_px
        embedded = [
            client.embed(
                noise.integers(0, 255, (count, side, side, 3), dtype=np.uint8),
                version=version,
            )
            for count in TILES * 4
        ]
        client.aggregate(np.concatenate(embedded), version=version)


def died(models: Path) -> bool:
    """Whether one start did not survive."""
    with ModelServer(models / MODEL, MODEL) as server:
        with ThreadPoolExecutor(CLIENTS) as pool:
            calls = [pool.submit(ask, server.address, seed) for seed in range(CLIENTS)]
        broken = [call for call in calls if isinstance(call.exception(), ServingError)]
        return bool(broken) or server.returncode() is not None


def main() -> None:
    starts = int(sys.argv[1]) if len(sys.argv) > 1 else 14
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "training", "export", folder], check=True)
        print(sum(died(Path(folder)) for _ in range(starts)), "of", starts, "died")


if __name__ == "__main__":
    main()
