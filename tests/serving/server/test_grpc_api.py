from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf

from serving.messages import (
    GET_MODEL_STATUS,
    PREDICT,
    GetModelStatusRequest,
    GetModelStatusResponse,
    PredictRequest,
    PredictResponse,
    TensorProto,
)
from serving.server.grpc_api import make_server
from serving.server.models import Models, State
from tests.model_server import free_port


class Asker:
    """What any client of the two services can do."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.predict = channel.unary_unary(
            PREDICT,
            request_serializer=PredictRequest.SerializeToString,
            response_deserializer=PredictResponse.FromString,
        )
        self.status = channel.unary_unary(
            GET_MODEL_STATUS,
            request_serializer=GetModelStatusRequest.SerializeToString,
            response_deserializer=GetModelStatusResponse.FromString,
        )


@pytest.fixture(scope="module")
def asker(models: Models) -> Iterator[Asker]:
    address = f"127.0.0.1:{free_port()}"
    server = make_server(models, addresses=[address], threads=4)
    server.start()
    with grpc.insecure_channel(
        address, options=[("grpc.max_receive_message_length", -1)]
    ) as channel:
        yield Asker(channel)
    server.stop(0).wait()


def request(
    signature: str = "", version: int | None = None, name: str = "echo", **inputs: Any
) -> PredictRequest:
    made = PredictRequest(inputs={k: _tensor(v) for k, v in inputs.items()})
    made.model_spec.name = name
    made.model_spec.signature_name = signature
    if version is not None:
        made.model_spec.version.value = version
    return made


def _tensor(value: Any) -> Any:
    return value if isinstance(value, TensorProto) else tf.make_tensor_proto(value)


def refused(asker: Asker, asked: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        asker.predict(asked, timeout=30)
    error: Any = caught.value
    return error.code(), error.details()


X = np.array([[1.5, 2.0]], np.float32)


def test_the_answer_says_who_answered(asker: Asker) -> None:
    answer = asker.predict(request(x=X), timeout=30)

    assert answer.model_spec.name == "echo"
    assert answer.model_spec.version.value == 123
    assert answer.model_spec.signature_name == "serving_default"
    assert set(answer.outputs) == {"y"}


def test_answers_go_into_typed_fields(asker: Asker) -> None:
    many = np.arange(100_000, dtype=np.float32).reshape(-1, 2)
    answer = asker.predict(request(x=many), timeout=30).outputs["y"]

    assert answer.tensor_content == b""
    assert list(answer.float_val) == many.ravel().tolist()
    assert [dim.size for dim in answer.tensor_shape.dim] == [50_000, 2]


def test_a_message_may_be_larger_than_grpcs_default(asker: Asker) -> None:
    large = np.zeros((1_000_000, 2), np.float32)

    assert len(asker.predict(request(x=large), timeout=30).outputs["y"].float_val)


def test_every_dtype_comes_back_as_it_was(asker: Asker) -> None:
    asked = request("kinds", x=np.array([0, 1, 100], np.int32))
    outputs = asker.predict(asked, timeout=30).outputs

    assert len(outputs) == 15
    for name, message in outputs.items():
        array = tf.make_ndarray(message)
        assert tf.as_dtype(message.dtype).name == name
        assert array.dtype == tf.as_dtype(name).as_numpy_dtype
        expected = [False, True, True] if name == "bool" else [0, 1, 100]
        assert array.tolist() == expected


def test_strings_come_back_as_bytes(asker: Asker) -> None:
    asked = request("picture", picture=[b"\xff\x00", b""])
    answer = asker.predict(asked, timeout=30).outputs["picture_bytes"]

    assert list(answer.string_val) == [b"\xff\x00", b""]


def test_a_filter_chooses_the_outputs(asker: Asker) -> None:
    asked = request("mixed", count=np.array([1]), flag=[True])
    asked.inputs["name"].CopyFrom(tf.make_tensor_proto([b"a"]))
    asked.output_filter.append("flag")

    assert set(asker.predict(asked, timeout=30).outputs) == {"flag"}


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        (PredictRequest(), "INVALID_ARGUMENT", "Missing ModelSpec"),
        (
            request(name="", x=X),
            "INVALID_ARGUMENT",
            "ModelSpec has no name specified.",
        ),
        (
            request(name="none", x=X),
            "NOT_FOUND",
            "Servable not found for request: Latest(none)",
        ),
        (
            request(version=4, x=X),
            "NOT_FOUND",
            "Servable not found for request: Specific(echo, 4)",
        ),
        (
            request("nothing", x=X),
            "FAILED_PRECONDITION",
            'Serving signature key "nothing" not found.',
        ),
        (
            request(),
            "INVALID_ARGUMENT",
            "0!=1 len({}) != len({x}). Sent extra: {}. Missing but required: {x}.",
        ),
        (
            request(z=X),
            "INVALID_ARGUMENT",
            "signature: z. Inputs expected to be in the set {x}.",
        ),
        (request(x=[[1, 2]]), "INVALID_ARGUMENT", "but int32 is provided"),
        (
            request(x=np.zeros(3, np.float64)),
            "INVALID_ARGUMENT",
            "Expects arg x to be float32 but float64 is provided",
        ),
        (request("decode", picture=b"no png"), "INVALID_ARGUMENT", ""),
        (request(x=TensorProto()), "INVALID_ARGUMENT", "tensor parsing error: x"),
    ],
    ids=lambda value: value if isinstance(value, str) else "asked",
)
def test_a_wrong_request_is_refused_with_what_is_wrong(
    asker: Asker, asked: PredictRequest, code: str, words: str
) -> None:
    answered, details = refused(asker, asked)

    assert answered.name == code
    assert words in details


def test_a_shape_that_no_memory_holds_is_refused(asker: Asker) -> None:
    message = tf.make_tensor_proto(X)
    message.tensor_shape.dim[0].size = 2**40

    assert refused(asker, request(x=message))[0] is grpc.StatusCode.INVALID_ARGUMENT
    message.tensor_shape.dim[0].size = -5
    assert refused(asker, request(x=message))[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_a_label_that_nobody_gave_is_refused(asker: Asker) -> None:
    asked = request(x=X)
    asked.model_spec.version_label = "stable"

    assert refused(asker, asked) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "Unrecognized servable version label: stable",
    )


@pytest.mark.parametrize("named", ["nothing", "y y"])
def test_a_filter_that_fits_no_output_is_refused(asker: Asker, named: str) -> None:
    asked = request(x=X)
    asked.output_filter.extend(named.split())

    assert refused(asker, asked)[0] is grpc.StatusCode.INVALID_ARGUMENT


def test_a_bad_request_does_not_change_the_signature(asker: Asker) -> None:
    refused(asker, request(z=X))

    assert asker.predict(request(x=X), timeout=30).outputs["y"].float_val[0] == 1.5


def test_the_status_of_a_model_is_told(asker: Asker) -> None:
    asked = GetModelStatusRequest()
    asked.model_spec.name = "echo"
    answer = asker.status(asked, timeout=30)

    (status,) = answer.model_version_status
    assert (status.version, status.state) == (123, State.AVAILABLE)
    assert status.status.error_code == 0


@pytest.mark.parametrize(
    ("name", "version", "words"),
    [
        ("none", 0, "Could not find any versions of model none"),
        ("echo", 7, "Could not find version 7 of model echo"),
    ],
)
def test_the_status_of_the_unknown_is_not_found(
    asker: Asker, name: str, version: int, words: str
) -> None:
    asked = GetModelStatusRequest()
    asked.model_spec.name = name
    if version:
        asked.model_spec.version.value = version

    with pytest.raises(grpc.RpcError) as caught:
        asker.status(asked, timeout=30)
    error: Any = caught.value
    assert error.code() is grpc.StatusCode.NOT_FOUND
    assert error.details() == words


def test_a_taken_port_is_an_error(models: Models) -> None:
    address = f"127.0.0.1:{free_port()}"
    first = make_server(models, addresses=[address], threads=1)

    with pytest.raises(OSError, match="cannot listen"):
        make_server(models, addresses=[address], threads=1)
    first.stop(0).wait()
