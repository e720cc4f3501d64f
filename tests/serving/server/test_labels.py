"""Versions by label: in the config, over gRPC and over REST."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from grpc import StatusCode

from serving.messages import (
    GET_MODEL_STATUS,
    HANDLE_RELOAD_CONFIG,
    PREDICT,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelServerConfig,
    PredictRequest,
    PredictResponse,
    ReloadConfigRequest,
    ReloadConfigResponse,
)
from serving.server.grpc_api import make_server
from serving.server.loader import Threads
from serving.server.model_config import ModelEntry
from serving.server.models import Models, ServedModel
from serving.server.reload import Reloader
from serving.server.reload_api import reload_handler
from serving.server.rest_api import answer
from serving.server.status import StatusError
from tests.model_server import free_port
from tests.serving.server.placing import add, answering

URL = "/v1/models/echo/labels"
UNKNOWN = "Unrecognized servable version label: best one"


def make(entry: ModelEntry) -> ServedModel:
    return ServedModel(entry.name, entry.base_path, Threads(1, 1), entry.policy)


@pytest.fixture(scope="module")
def base_path(echo_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base_path = tmp_path_factory.mktemp("labels") / "echo"
    for version in (1, 2, 3):
        add(echo_path, base_path, version)
    return base_path


@pytest.fixture
def models() -> Iterator[Models]:
    served = Models()
    yield served
    served.unload_all()


def labelled(base_path: Path, **labels: int) -> ModelServerConfig:
    written = " ".join(
        f'version_labels {{ key: "{label}" value: {version} }}'
        for label, version in labels.items()
    )
    return text_format.Parse(
        f'model_config_list {{ config {{ name: "echo" base_path: "{base_path}" '
        'model_platform: "tensorflow" model_version_policy { specific { versions: 1 '
        f"versions: 2 }} }} {written} }} }}",
        ModelServerConfig(),
    )


def test_a_label_names_a_version_that_can_be_asked(
    models: Models, base_path: Path
) -> None:
    reloader = Reloader(models, make)
    reloader.apply(labelled(base_path))
    reloader.apply(labelled(base_path, stable=1, canary=2))
    assert answering(models, "echo", "stable") == 1
    assert answering(models, "echo", "canary") == 2

    reloader.apply(labelled(base_path, stable=2))
    assert answering(models, "echo", "stable") == 2
    with pytest.raises(StatusError, match="version label: canary"):
        answering(models, "echo", "canary")


def test_a_label_for_a_version_that_cannot_be_asked_is_refused(
    models: Models, base_path: Path
) -> None:
    reloader = Reloader(models, make)
    reloader.apply(labelled(base_path))
    reloader.apply(labelled(base_path, stable=1))
    with pytest.raises(StatusError) as caught:
        reloader.apply(labelled(base_path, stable=3))

    assert caught.value.code is StatusCode.FAILED_PRECONDITION
    assert caught.value.message == (
        "Request to assign label to version 3 of model echo, which is not currently "
        "available for inference"
    )
    assert answering(models, "echo", "stable") == 1


def test_the_first_config_may_not_label_what_is_not_loaded_yet(
    models: Models, base_path: Path
) -> None:
    with pytest.raises(StatusError, match="Request to assign label to version 1"):
        Reloader(models, make).apply(labelled(base_path, stable=1))


def test_any_version_may_get_a_new_label_if_the_server_is_told_so(
    models: Models, base_path: Path
) -> None:
    reloader = Reloader(models, make, any_label=True)
    reloader.apply(labelled(base_path, stable=1, next=3))

    assert answering(models, "echo", "stable") == 1
    with pytest.raises(StatusError, match=r"Specific\(echo, 3\)"):
        answering(models, "echo", "next")


def test_a_label_in_use_never_moves_to_what_cannot_be_asked(
    models: Models, base_path: Path
) -> None:
    reloader = Reloader(models, make, any_label=True)
    reloader.apply(labelled(base_path, stable=1))
    with pytest.raises(StatusError, match="Request to assign label to version 3"):
        reloader.apply(labelled(base_path, stable=3))

    assert answering(models, "echo", "stable") == 1


def get(models: Models, path: str, body: bytes = b"") -> tuple[int, Any]:
    reply = answer(models, "POST" if body else "GET", path, body)
    return reply.status, json.loads(reply.body)


def test_rest_understands_labels(models: Models, base_path: Path) -> None:
    reloader = Reloader(models, make, any_label=True)
    reloader.apply(labelled(base_path, stable=1, canary=2))

    body = b'{"instances": [[1, 2]]}'
    assert get(models, f"{URL}/c%61nary:predict", body)[0] == 200
    assert get(models, f"{URL}/best%20one:predict", body) == (400, {"error": UNKNOWN})
    status, told = get(models, f"{URL}/stable")
    assert status == 200
    assert [version["version"] for version in told["model_version_status"]] == ["1"]
    assert get(models, f"{URL}/best%20one") == (400, {"error": UNKNOWN})


class Caller:
    """A client that can also give the server a new config."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._predict = channel.unary_unary(
            PREDICT,
            request_serializer=PredictRequest.SerializeToString,
            response_deserializer=PredictResponse.FromString,
        )
        self._status = channel.unary_unary(
            GET_MODEL_STATUS,
            request_serializer=GetModelStatusRequest.SerializeToString,
            response_deserializer=GetModelStatusResponse.FromString,
        )
        self._reload = channel.unary_unary(
            HANDLE_RELOAD_CONFIG,
            request_serializer=ReloadConfigRequest.SerializeToString,
            response_deserializer=ReloadConfigResponse.FromString,
        )

    def predict(self, label: str) -> int:
        """The version that answers for a label."""
        request = PredictRequest()
        request.inputs["x"].CopyFrom(tf.make_tensor_proto(np.ones((1, 2), np.float32)))
        request.model_spec.name = "echo"
        request.model_spec.version_label = label
        return int(self._predict(request, timeout=30).model_spec.version.value)

    def status(self, label: str) -> list[int]:
        """The versions of which the status is told."""
        request = GetModelStatusRequest()
        request.model_spec.name = "echo"
        request.model_spec.version_label = label
        answered = self._status(request, timeout=30).model_version_status
        return [version.version for version in answered]

    def reload(self, config: ModelServerConfig) -> ReloadConfigResponse:
        return self._reload(ReloadConfigRequest(config=config), timeout=30)


@pytest.fixture
def caller(models: Models) -> Iterator[Caller]:
    address = f"127.0.0.1:{free_port()}"
    server = make_server(models, addresses=[address], threads=4)
    server.add_generic_rpc_handlers((reload_handler(Reloader(models, make)),))
    server.start()
    with grpc.insecure_channel(address) as channel:
        yield Caller(channel)
    server.stop(0).wait()


def refused(call: Any, *asked: Any) -> tuple[StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(*asked)
    error: Any = caught.value
    return error.code(), error.details()


def test_a_config_and_its_labels_can_be_sent(caller: Caller, base_path: Path) -> None:
    answered = caller.reload(labelled(base_path))
    assert answered.HasField("status")
    assert answered.status.error_code == 0

    caller.reload(labelled(base_path, stable=1, canary=2))
    assert [caller.predict("stable"), caller.predict("canary")] == [1, 2]
    assert caller.status("canary") == [2]
    for call in (caller.predict, caller.status):
        assert refused(call, "best one") == (StatusCode.INVALID_ARGUMENT, UNKNOWN)


def test_a_config_that_cannot_be_is_answered_with_what_is_wrong(
    caller: Caller, base_path: Path, models: Models
) -> None:
    caller.reload(labelled(base_path))
    code, words = refused(caller.reload, labelled(base_path, stable=7))

    assert code is StatusCode.FAILED_PRECONDITION
    assert "assign label to version 7 of model echo" in words
    assert answering(models, "echo") == 2


@pytest.mark.parametrize("kind", ["none", "custom"])
def test_only_a_list_can_be_sent(caller: Caller, kind: str) -> None:
    config = ModelServerConfig()
    if kind == "custom":
        config.custom_model_config.SetInParent()

    assert refused(caller.reload, config) == (
        StatusCode.INVALID_ARGUMENT,
        (
            "ServerModelConfig type not supported by HandleReloadConfigRequest. "
            "Only ModelConfigList is currently supported"
        ),
    )
