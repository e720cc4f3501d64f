"""Replay the requests that a model brought along, before the first real one."""

from pathlib import Path

from google.protobuf.message import DecodeError

from serving.messages import PredictionLog, not_running
from serving.server.loader import LoadError, ModelError, Servable
from serving.server.predict import predict
from serving.server.status import StatusError

with not_running("tensorflow"):
    from tensorflow.python.lib.io._pywrap_record_io import RecordIterator

WARMUP_FILE = Path("assets.extra", "tf_serving_warmup_requests")
MAX_RECORDS = 1000


def warm_up(servable: Servable, folder: Path) -> None:
    """Run every Predict record. Raises LoadError: a bad record is a bad model."""
    path = folder / WARMUP_FILE
    if not path.is_file():
        return
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
    if log.WhichOneof("log_type") != "predict_log":
        raise LoadError(
            f"Unsupported log_type for warmup: {log.WhichOneof('log_type')}"
        )
    predict(servable, log.predict_log.request)
