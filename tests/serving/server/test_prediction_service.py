"""The calls of half plus two over gRPC, as TensorFlow Serving's own stub makes them.

The first tests are those of its tensorflow_model_server_test.py.
"""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.messages import ModelSpec, PredictRequest
from serving.server.grpc_api import make_server
from serving.server.inference_messages import (
    CLASSIFY_METHOD,
    REGRESS_METHOD,
    ClassificationRequest,
    GetModelMetadataRequest,
    MultiInferenceRequest,
    RegressionRequest,
    SignatureDefMap,
)
from serving.server.models import Models
from tests.model_server import free_port
from tests.serving.server.inferring import NAME, VERSION, asked, examples, metric

Serve = Callable[..., Any]


@pytest.fixture
def serve(half_plus_two: Models) -> Iterator[Serve]:
    """Start a server with the given options; returns its stub."""
    started: list[tuple[grpc.Server, grpc.Channel]] = []

    def serving(**options: Any) -> Any:
        address = f"127.0.0.1:{free_port()}"
        server = make_server(half_plus_two, addresses=[address], threads=2, **options)
        server.start()
        channel = grpc.insecure_channel(address)
        started.append((server, channel))
        return PredictionServiceStub(channel)

    yield serving
    for server, channel in started:
        channel.close()
        server.stop(0).wait()


@pytest.fixture
def stub(serve: Serve) -> Any:
    return serve()


def answered_by(spec: ModelSpec) -> tuple[str, int, str]:
    return spec.name, spec.version.value, spec.signature_name


def failed(call: Any, request: Any) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=30)
    error: Any = caught.value
    return error.code().name, error.details()


def test_classify(stub: Any) -> None:
    request = asked(ClassificationRequest, "classify_x_to_y", 2.0)
    response = stub.Classify(request, timeout=30)

    assert response.result.classifications[0].classes[0].score == 3.0
    assert answered_by(response.model_spec) == (NAME, VERSION, "classify_x_to_y")


def test_regress(stub: Any) -> None:
    request = asked(RegressionRequest, "regress_x_to_y", 2.0)
    response = stub.Regress(request, timeout=30)

    assert response.result.regressions[0].value == 3.0
    assert answered_by(response.model_spec) == (NAME, VERSION, "regress_x_to_y")


def test_multi_inference(stub: Any) -> None:
    request = MultiInferenceRequest(input=examples(2.0))
    for signature, method in (
        ("regress_x_to_y", REGRESS_METHOD),
        ("classify_x_to_y", CLASSIFY_METHOD),
    ):
        task = request.tasks.add(method_name=method)
        task.model_spec.name = NAME
        task.model_spec.signature_name = signature
    regressed, classified = stub.MultiInference(request, timeout=30).results

    assert regressed.regression_result.regressions[0].value == 3.0
    assert answered_by(regressed.model_spec) == (NAME, VERSION, "regress_x_to_y")
    (scored,) = classified.classification_result.classifications
    assert scored.classes[0].score == 3.0
    assert answered_by(classified.model_spec) == (NAME, VERSION, "classify_x_to_y")


def test_the_signatures_are_told_as_the_model_has_them(stub: Any) -> None:
    request = GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = NAME
    response = stub.GetModelMetadata(request, timeout=30)
    told = SignatureDefMap()

    assert answered_by(response.model_spec) == (NAME, VERSION, "")
    assert list(response.metadata) == ["signature_def"]
    assert response.metadata["signature_def"].Unpack(told)
    signature = dict(told.signature_def)["classify_x_to_y"]
    assert signature.method_name == CLASSIFY_METHOD
    assert signature.inputs["inputs"].dtype == tf.string.as_datatype_enum
    assert signature.outputs["scores"].tensor_shape.dim[1].size == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ([], "GetModelMetadataRequest must specify at least one metadata_field"),
        (["assets"], "Metadata field %s is not supportedassets"),
    ],
)
def test_nothing_but_the_signatures_is_told(
    stub: Any, fields: list[str], words: str
) -> None:
    request = GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = "none"  # The fields are looked at first.

    assert failed(stub.GetModelMetadata, request) == ("INVALID_ARGUMENT", words)


@pytest.mark.parametrize(
    ("method", "request_class"),
    [
        ("Classify", ClassificationRequest),
        ("Regress", RegressionRequest),
        ("GetModelMetadata", GetModelMetadataRequest),
    ],
)
def test_the_model_has_to_be_named(stub: Any, method: str, request_class: Any) -> None:
    request = request_class()
    call = getattr(stub, method)

    assert failed(call, request) == ("INVALID_ARGUMENT", "Missing ModelSpec")
    request.model_spec.name = "none"
    if method == "GetModelMetadata":
        request.metadata_field.append("signature_def")
    assert failed(call, request) == (
        "NOT_FOUND",
        "Servable not found for request: Latest(none)",
    )


def test_the_first_task_names_the_model(stub: Any) -> None:
    request = MultiInferenceRequest(input=examples(2.0))
    unnamed = ("INVALID_ARGUMENT", "ModelSpec has no name specified.")

    assert failed(stub.MultiInference, request) == unnamed
    task = request.tasks.add()
    assert failed(stub.MultiInference, request) == unnamed
    task.model_spec.name = NAME
    task.model_spec.version.value = 7
    assert failed(stub.MultiInference, request) == (
        "NOT_FOUND",
        f"Servable not found for request: Specific({NAME}, 7)",
    )


def predict_request(signature: str = "") -> PredictRequest:
    request = PredictRequest()
    request.model_spec.name = NAME
    request.model_spec.signature_name = signature
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([[2.0], [4.0]]))
    return request


def test_a_signature_for_something_else_is_refused_as_in_predict_util_cc(
    stub: Any,
) -> None:
    assert failed(stub.Predict, predict_request("odd")) == (
        "INTERNAL",
        (
            "Expected prediction signature method_name to be one of "
            "{tensorflow/serving/predict, tensorflow/serving/classify, "
            "tensorflow/serving/regress}. Was: odd"
        ),
    )


def test_predict_takes_a_classifiers_signature(stub: Any) -> None:
    request = PredictRequest()
    request.model_spec.name = NAME
    request.model_spec.signature_name = "classify_x_to_y"
    written = [examples(2.0).example_list.examples[0].SerializeToString()]
    request.inputs["inputs"].CopyFrom(tf.make_tensor_proto(written))

    assert list(stub.Predict(request, timeout=30).outputs["scores"].float_val) == [3.0]


def test_answers_go_into_tensor_content_if_the_server_is_told_to(serve: Serve) -> None:
    response = serve(tensor_content=True).Predict(predict_request(), timeout=30)
    (answer,) = response.outputs.values()

    assert answer.tensor_content == np.array([3, 4], np.float32).tobytes()
    assert not answer.float_val
    assert tf.make_ndarray(answer).tolist() == [[3.0], [4.0]]
    assert answered_by(response.model_spec) == (NAME, VERSION, "serving_default")


def test_calls_are_counted_by_model_api_and_ending(stub: Any) -> None:
    requests = {
        "Predict": predict_request(),
        "Classify": asked(ClassificationRequest, "labels", 2.0),
        "Regress": asked(RegressionRequest, "flat", 2.0),
    }
    latency = ":tensorflow:serving:request_latency_count"
    count = ":tensorflow:serving:request_count"
    for api, request in requests.items():
        call = getattr(stub, api)
        labels = {"model_name": NAME, "API": api, "entrypoint": "GRPC"}
        wrong = {"model_name": api, "status": "NOT_FOUND"}
        before = metric(latency, **labels), metric(count, **wrong)
        call(request, timeout=30)
        request.model_spec.name = api
        failed(call, request)
        after = metric(latency, **labels), metric(count, **wrong)
        assert after == (before[0] + 1, before[1] + 1)
