"""What the process does with the flags that ask for more than predictions."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import grpc
import pytest
import tensorflow as tf

from serving.messages import PREDICT, PredictRequest, PredictResponse
from serving.server.health import (
    CHECK,
    WATCH,
    HealthCheckRequest,
    HealthCheckResponse,
)
from tests.data import REPOSITORY
from tests.model_server import ModelServer
from tests.serving.server.inferring import NAME


@pytest.fixture
def server(half_plus_two_path: Path, tmp_path: Path) -> Iterator[ModelServer]:
    config = tmp_path / "monitoring"
    config.write_text('prometheus_config { enable: true path: "/metrics" }')
    made = ModelServer(
        half_plus_two_path,
        NAME,
        f"--monitoring_config_file={config}",
        "--enable_grpc_healthcheck_service",
        "--enable_serialization_as_tensor_content=true",
    )
    made.log = tmp_path / "log"
    made.start(wait_s=0)
    yield made
    made.stop(signal.SIGKILL)


def test_the_process_does_what_its_flags_ask_for(server: ModelServer) -> None:
    request = PredictRequest()
    request.model_spec.name = NAME
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([[2.0]]))
    with grpc.insecure_channel(server.address) as channel:
        grpc.channel_ready_future(channel).result(60)
        predict = channel.unary_unary(
            PREDICT, PredictRequest.SerializeToString, PredictResponse.FromString
        )
        answer = predict(request, timeout=30).outputs["y"]
        check = channel.unary_unary(
            CHECK, HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
        )
        watch = channel.unary_stream(
            WATCH, HealthCheckRequest.SerializeToString, HealthCheckResponse.FromString
        )(HealthCheckRequest(), timeout=60)
        assert check(HealthCheckRequest(), timeout=30).status == 1
        assert next(watch).status == 1
        with urlopen(f"http://127.0.0.1:{server.rest_port}/metrics") as response:
            page = response.read().decode()
        server.send(signal.SIGTERM)
        assert [response.status for response in watch] == [2]
        assert server.wait() == 0

    assert answer.tensor_content == b"\x00\x00\x40\x40"
    counted = f'request_count{{model_name="{NAME}",status="OK"}} 1'
    assert f":tensorflow:serving:{counted}\n" in page


def test_a_bad_monitoring_config_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("no config")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "serving.server"),
            f"--model_base_path={tmp_path}",
            f"--monitoring_config_file={tmp_path / 'config'}",
        ],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.returncode == 1
    assert f"Invalid protobuf file: '{tmp_path / 'config'}'" in done.stderr
    assert "Traceback" not in done.stderr
