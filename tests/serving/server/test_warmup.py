from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from serving.messages import PredictionLog, PredictLog, PredictRequest
from serving.server.loader import LoadError, Servable, Threads
from serving.server.warmup import warm_up


@pytest.fixture
def write(tmp_path: Path) -> Callable[[list[PredictionLog]], Path]:
    def written(logs: list[PredictionLog]) -> Path:
        (tmp_path / "assets.extra").mkdir()
        path = tmp_path / "assets.extra" / "tf_serving_warmup_requests"
        with tf.io.TFRecordWriter(str(path)) as records:
            for log in logs:
                records.write(log.SerializeToString())
        return tmp_path

    return written


@pytest.fixture
def servable(echo_path: Path) -> Servable:
    return Servable(echo_path / "123", threads=Threads(1, 1))


def predict_log(**inputs: object) -> PredictionLog:
    request = PredictRequest(
        inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()}
    )
    return PredictionLog(predict_log=PredictLog(request=request))


GOOD = predict_log(x=[[1.0, 2.0]])


def test_good_records_are_replayed(
    servable: Servable, write: Callable[[list[PredictionLog]], Path]
) -> None:
    warm_up(servable, write([GOOD] * 1000))


@pytest.mark.parametrize(
    ("logs", "words"),
    [
        ([GOOD] * 1001, "exceeds the maximum"),
        ([GOOD, predict_log(z=[1.0])], "signature: z"),
        ([PredictionLog()], "Unsupported log_type"),
    ],
    ids=["too many", "wrong", "unknown"],
)
def test_bad_records_are_an_error(
    servable: Servable,
    write: Callable[[list[PredictionLog]], Path],
    logs: list[PredictionLog],
    words: str,
) -> None:
    with pytest.raises(LoadError, match=words):
        warm_up(servable, write(logs))


def test_a_model_without_records_needs_none(servable: Servable, tmp_path: Path) -> None:
    warm_up(servable, tmp_path)
