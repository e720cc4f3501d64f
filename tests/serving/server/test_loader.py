"""A loaded model, called from several threads."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.contract import ASK, CONTRACT, DESCRIBE
from serving.server.loader import Servable, Threads


def test_one_call_runs_at_a_time(
    exported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two first runs at once crash TensorFlow's convolutions."""
    servable = Servable(exported / "1", threads=Threads())
    inside, most = [0], [0]
    real = servable._callable

    def watched(*names: Any) -> Callable[..., Any]:
        call = real(*names)

        def run(*feeds: Any) -> Any:
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.02)  # Long enough for another to come in.
            answer = call(*feeds)
            inside[0] -= 1
            return answer

        return run

    monkeypatch.setattr(servable, "_callable", watched)
    signature = servable.signatures[DESCRIBE]
    feeds = {ASK: np.array(0, np.int32)}
    with ThreadPoolExecutor(4) as pool:
        calls = [
            pool.submit(servable.run, signature, feeds, [CONTRACT]) for _ in range(8)
        ]
        assert all(call.result() for call in calls)
    assert most == [1]
    servable.close()
