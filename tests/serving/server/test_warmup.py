from collections.abc import Callable
from pathlib import Path

import pytest
import tensorflow as tf

from serving.messages import PredictionLog, PredictLog, PredictRequest
from serving.server.inference_messages import (
    CLASSIFY_METHOD,
    ClassificationRequest,
    RegressionRequest,
)
from serving.server.loader import LoadError, Servable, Threads
from serving.server.metrics import page
from serving.server.warmup import warm_up
from tests.serving.server.inferring import NAME, asked, examples, watched_runs


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
def echo(echo_path: Path) -> Servable:
    return Servable(echo_path / "123", threads=Threads(1, 1))


def predict_log(**inputs: object) -> PredictionLog:
    request = PredictRequest(
        inputs={name: tf.make_tensor_proto(value) for name, value in inputs.items()}
    )
    return PredictionLog(predict_log=PredictLog(request=request))


GOOD = predict_log(x=[[1.0, 2.0]])


def test_good_records_are_replayed(
    echo: Servable, write: Callable[[list[PredictionLog]], Path]
) -> None:
    warm_up(echo, write([GOOD] * 1000))


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
    echo: Servable,
    write: Callable[[list[PredictionLog]], Path],
    logs: list[PredictionLog],
    words: str,
) -> None:
    with pytest.raises(LoadError, match=words):
        warm_up(echo, write(logs))


def test_a_model_without_records_needs_none(echo: Servable, tmp_path: Path) -> None:
    warm_up(echo, tmp_path)


def classify_log(signature: str) -> PredictionLog:
    log = PredictionLog()
    request = asked(ClassificationRequest, signature, 2.0)
    log.classify_log.request.CopyFrom(request)
    return log


def regress_log(signature: str) -> PredictionLog:
    log = PredictionLog()
    log.regress_log.request.CopyFrom(asked(RegressionRequest, signature, 2.0))
    return log


def multi_inference_log(signature: str) -> PredictionLog:
    log = PredictionLog()
    request = log.multi_inference_log.request
    request.input.CopyFrom(examples(2.0))
    task = request.tasks.add(method_name=CLASSIFY_METHOD)
    task.model_spec.name = NAME
    task.model_spec.signature_name = signature
    return log


def test_records_of_every_kind_are_replayed(
    servable: Servable,
    write: Callable[[list[PredictionLog]], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    runs = watched_runs(servable, monkeypatch)
    folder = write(
        [
            classify_log("classify_x_to_y"),
            regress_log("regress_x_to_y"),
            multi_inference_log("classify_x_to_y"),
        ]
    )
    warm_up(servable, folder)

    assert len(runs) == 3
    count = ":tensorflow:serving:model_warmup_latency_count"
    assert f'{count}{{model_path="{folder}",status="OK"}} 1\n' in page()


@pytest.mark.parametrize("log", [classify_log, regress_log, multi_inference_log])
def test_a_bad_record_of_any_kind_is_an_error(
    servable: Servable,
    write: Callable[[list[PredictionLog]], Path],
    log: Callable[[str], PredictionLog],
) -> None:
    with pytest.raises(LoadError, match="none"):
        warm_up(servable, write([log("none")]))
