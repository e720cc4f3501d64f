"""What cannot be joined with other requests is refused, as batching_session.cc does."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from grpc import StatusCode

from serving.messages import PredictionLog, PredictLog, PredictRequest
from serving.server.batching import BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.execution import Execution, make_execution
from serving.server.loader import Servable, Threads
from serving.server.models import ServedModel, State
from serving.server.predict import run
from serving.server.status import StatusError
from tests.data import REPOSITORY
from tests.serving.server.batched import export_batched

NOT_THE_SUM = (
    "Batched output tensor's 0th dimension does not equal the sum of the "
    "0th dimension sizes of the input tensors"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return export_batched(tmp_path_factory.mktemp("batched") / "m" / "1")


@pytest.fixture(scope="module")
def execution() -> Iterator[Execution]:
    made = make_execution(batching=BatchingParameters(max_batch_size=1000))
    yield made
    assert made.scheduler is not None
    made.scheduler.close()


@pytest.fixture(scope="module")
def servable(folder: Path, execution: Execution) -> Iterator[Servable]:
    loaded = execution.load(folder, threads=Threads(1, 1))
    yield loaded
    loaded.close()


def ask(servable: Servable, name: str, *wanted: str, **feeds: Any) -> dict[str, Any]:
    signature = servable.signatures[name]
    arrays = {alias: np.array(value, np.float32) for alias, value in feeds.items()}
    return run(servable, signature, arrays, wanted or sorted(signature.outputs))


@pytest.mark.parametrize(
    ("name", "feeds", "code", "words"),
    [
        (
            "scalar",
            {"x": 1},
            StatusCode.INVALID_ARGUMENT,
            "Batching Run() input tensors must have at least one dimension",
        ),
        (
            "pair",
            {"x": [1, 2], "z": [1]},
            StatusCode.INVALID_ARGUMENT,
            "Batching Run() input tensors must have equal 0th-dimension size",
        ),
        (
            "pool",
            {"x": [1, 2]},
            StatusCode.FAILED_PRECONDITION,
            "Batched output tensor has 0 dimensions",
        ),
        (
            "first",
            {"x": [1, 2]},
            StatusCode.FAILED_PRECONDITION,
            NOT_THE_SUM,
        ),
        (
            "double",
            {"x": [1] * 1001},
            StatusCode.INVALID_ARGUMENT,
            "Task size 1001 is larger than maximum input batch size 1000",
        ),
    ],
)
def test_what_has_no_rows_of_its_own_is_refused(
    servable: Servable, name: str, feeds: dict[str, Any], code: StatusCode, words: str
) -> None:
    with pytest.raises(StatusError) as caught:
        ask(servable, name, **feeds)

    assert (caught.value.code, caught.value.message) == (code, words)


def test_a_call_for_some_outputs_only_is_not_batched(servable: Servable) -> None:
    assert ask(servable, "pool", "y", x=[1, 2])["y"] == 3


def test_rows_of_no_request_are_answered_with_none(servable: Servable) -> None:
    assert ask(servable, "double", x=[])["y"].tolist() == []


@pytest.fixture
def warmed_up(folder: Path, tmp_path: Path) -> Path:
    """The base path of the model with a warm-up record that cannot be batched."""
    request = PredictRequest(inputs={"x": tf.make_tensor_proto(1.0)})
    request.model_spec.signature_name = "scalar"
    log = PredictionLog(predict_log=PredictLog(request=request))
    extra = shutil.copytree(folder, tmp_path / "m" / "1") / "assets.extra"
    extra.mkdir()
    with tf.io.TFRecordWriter(str(extra / "tf_serving_warmup_requests")) as records:
        records.write(log.SerializeToString())
    return tmp_path / "m"


def test_warm_up_goes_through_the_batches_as_in_tensorflow_serving(
    warmed_up: Path, execution: Execution
) -> None:
    model = ServedModel("m", warmed_up, Threads(1, 1), execution=execution)
    model.refresh()

    assert model.statuses()[0].state is State.END
    assert "at least one dimension" in str(model.statuses()[0].error)


def test_such_a_model_ends_the_start_of_a_server_with_batching(warmed_up: Path) -> None:
    result = subprocess.run(
        [
            *(sys.executable, "-m", "serving.server", "--enable_batching"),
            *(f"--model_base_path={warmed_up}", "--max_num_load_retries=0"),
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert result.returncode == 1
    assert "input tensors must have at least one dimension" in result.stderr


def test_a_model_that_is_unloaded_leaves_no_queue_behind(folder: Path) -> None:
    scheduler = BatchScheduler(BatchingParameters())
    loaded = Execution(scheduler=scheduler).load(folder, threads=Threads(1, 1))
    assert len(scheduler._queues) == len(loaded.signatures)
    loaded.close()

    assert not scheduler._queues
    scheduler.close()
