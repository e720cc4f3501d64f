"""Replay the requests that a model brought along, before the first real one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from serving.messages import PredictionLog, not_running
from serving.server.classify import classify
from serving.server.loader import LoadError, ModelError, Servable
from serving.server.metrics import timed_warmup
from serving.server.multi_inference import infer
from serving.server.predict import predict
from serving.server.regress import regress
from serving.server.status import StatusError

with not_running("tensorflow"):
    from tensorflow.python.lib.io._pywrap_record_io import RecordIterator

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
MAX_RECORDS = 1000
REPLAYS: dict[str, Callable[[Servable, Any], object]] = {
    "predict_log": predict,
    "classify_log": classify,
    "regress_log": regress,
    "multi_inference_log": infer,
}


def warm_up(servable: Servable, folder: Path) -> None:
    """Run every record. Raises LoadError: a bad record is a bad model."""
    path = folder / WARMUP_FILE
    if path.is_file():
        with timed_warmup(folder):
            _replay_all(servable, path)


def _replay_all(servable: Servable, path: Path) -> None:
    try:
        for count, record in enumerate(RecordIterator(str(path), ""), start=1):
            if count > MAX_RECORDS:
                raise LoadError(
                    f"Number of warmup records exceeds the maximum (1000): {path.name}"
                )
            _replay(servable, PredictionLog.FromString(record))
    except (ModelError, StatusError, DecodeError) as error:
        raise LoadError(f"warm-up: {error}") from error


def _replay(servable: Servable, log: PredictionLog) -> None:
    kind = log.WhichOneof("log_type")
    replay = REPLAYS.get(kind)
    if replay is None:
        raise LoadError(f"Unsupported log_type for warmup: {kind}")
    replay(servable, getattr(log, kind).request)
