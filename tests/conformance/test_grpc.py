"""What any gRPC client of TensorFlow Serving may rely on."""

from typing import Any

import grpc
import numpy as np
import pytest

from serving.messages import (
    GetModelStatusRequest,
    GetModelStatusResponse,
    PredictRequest,
    PredictResponse,
    TensorProto,
    TensorShapeProto,
    not_running,
)
from tests.conformance.conftest import Target, refused

with not_running("tensorflow"):
    from tensorflow.core.example.example_pb2 import Example
    from tensorflow.core.framework.types_pb2 import DT_FLOAT, DT_INT32
    from tensorflow_serving.apis.classification_pb2 import (
        ClassificationRequest,
        ClassificationResponse,
    )
    from tensorflow_serving.apis.get_model_metadata_pb2 import (
        GetModelMetadataRequest,
        GetModelMetadataResponse,
        SignatureDefMap,
    )
    from tensorflow_serving.apis.inference_pb2 import (
        MultiInferenceRequest,
        MultiInferenceResponse,
    )
    from tensorflow_serving.apis.regression_pb2 import (
        RegressionRequest,
        RegressionResponse,
    )

upstream = pytest.mark.upstream
BLACK_BOX = "model_servers/tensorflow_model_server_test.py"
PREDICT = "PredictionService/Predict"
STATUS = "ModelService/GetModelStatus"
MODEL = "half_plus_two"
INVALID = grpc.StatusCode.INVALID_ARGUMENT


def tensor(*values: float, dtype: int = DT_FLOAT) -> TensorProto:
    size = TensorShapeProto.Dim(size=len(values))
    made = TensorProto(dtype=dtype, tensor_shape=TensorShapeProto(dim=[size]))
    field = made.float_val if dtype == DT_FLOAT else made.int_val
    field.extend(values)
    return made


def predict_request(name: str = MODEL, **inputs: TensorProto) -> PredictRequest:
    request = PredictRequest(inputs=inputs or {"x": tensor(2.0)})
    request.model_spec.name = name
    return request


def with_example(request: Any, signature: str, value: float = 2.0) -> Any:
    request.model_spec.name = MODEL
    request.model_spec.signature_name = signature
    request.input.example_list.examples.append(example(value))
    return request


def example(value: float) -> Any:
    made = Example()
    made.features.feature["x"].float_list.value.append(value)
    return made


def assert_answered_by(spec: Any, signature: str) -> None:
    assert (spec.name, spec.version.value, spec.signature_name) == (
        MODEL,
        123,
        signature,
    )


# --- Predict --------------------------------------------------------------------


@upstream(BLACK_BOX, "testPredictSavedModel")
def test_predict(target: Target) -> None:
    answer = target.call(PREDICT, predict_request(), PredictResponse)
    assert list(answer.outputs["y"].float_val) == [3.0]
    assert_answered_by(answer.model_spec, "serving_default")


@upstream(BLACK_BOX, "VerifyPredictRequest (specify_output)")
def test_predict_with_a_filter(target: Target) -> None:
    request = predict_request()
    request.output_filter.append("y")
    answer = target.call(PREDICT, request, PredictResponse)
    assert dict(answer.outputs).keys() == {"y"}


@upstream("servables/tensorflow/predict_util.cc", "PostProcessPredictionResult")
def test_answers_use_the_typed_field_also_for_many(target: Target) -> None:
    values = np.arange(10_000, dtype=np.float32)
    answer = target.call(PREDICT, predict_request(x=tensor(*values)), PredictResponse)
    assert not answer.outputs["y"].tensor_content
    assert list(answer.outputs["y"].float_val) == (values / 2 + 2).tolist()


@upstream("servables/tensorflow/predict_util.cc", "PreProcessPrediction")
@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (predict_request(x=tensor(1), z=tensor(1)), "input size does not match"),
        (predict_request(z=tensor(1)), "input tensor alias not found in signature: z"),
    ],
)
def test_other_inputs_are_refused(
    target: Target, request_: PredictRequest, words: str
) -> None:
    code, said = refused(target, PREDICT, request_, PredictResponse)
    assert code is INVALID
    assert words in said


@upstream("servables/tensorflow/predict_util.cc", "PreProcessPrediction")
def test_another_output_is_refused(target: Target) -> None:
    request = predict_request()
    request.output_filter.append("z")
    code, said = refused(target, PREDICT, request, PredictResponse)
    assert code is INVALID
    assert "output tensor alias not found in signature: z" in said


@upstream(None)
def test_another_dtype_is_refused(target: Target) -> None:
    request = predict_request(x=tensor(1, dtype=DT_INT32))
    code, _ = refused(target, PREDICT, request, PredictResponse)
    assert code is INVALID


@upstream("servables/tensorflow/predict_util.cc", "VerifySignature")
def test_an_unknown_signature_is_refused(target: Target) -> None:
    request = predict_request()
    request.model_spec.signature_name = "none"
    assert refused(target, PREDICT, request, PredictResponse) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        'Serving signature key "none" not found.',
    )


@upstream("model_servers/server_core.cc", "ServableRequestFromModelSpec")
def test_a_request_names_its_model(target: Target) -> None:
    nameless = refused(target, PREDICT, predict_request(""), PredictResponse)
    assert nameless == (INVALID, "ModelSpec has no name specified.")


@upstream("servables/tensorflow/predict_impl.cc", "Predict")
def test_a_request_has_a_model_spec(target: Target) -> None:
    bare = refused(target, PREDICT, PredictRequest(), PredictResponse)
    assert bare == (INVALID, "Missing ModelSpec")


@upstream("core/basic_manager.cc", "GetUntypedServableHandle")
def test_what_is_not_served_is_not_found(target: Target) -> None:
    code, said = refused(target, PREDICT, predict_request("none"), PredictResponse)
    assert code is grpc.StatusCode.NOT_FOUND
    assert said.startswith("Servable not found for request: Latest(none)")
    request = predict_request()
    request.model_spec.version.value = 9
    code, said = refused(target, PREDICT, request, PredictResponse)
    assert code is grpc.StatusCode.NOT_FOUND
    assert said.startswith("Servable not found for request: Specific(half_plus_two, 9)")


@upstream("model_servers/server_core_test.cc", "RequestLabeledVersion")
def test_a_label_stands_for_a_version(target: Target) -> None:
    request = predict_request()
    request.model_spec.version_label = "stable"
    answer = target.call(PREDICT, request, PredictResponse)
    assert answer.model_spec.version.value == 123


@upstream("model_servers/server_core.cc", "GetModelVersionForLabel")
def test_an_unknown_label_is_refused(target: Target) -> None:
    request = predict_request()
    request.model_spec.version_label = "none"
    code, said = refused(target, PREDICT, request, PredictResponse)
    assert code is INVALID
    assert said.startswith("Unrecognized servable version label: none")


# --- Examples -------------------------------------------------------------------


@upstream(BLACK_BOX, "testClassify")
def test_classify(target: Target) -> None:
    request = with_example(ClassificationRequest(), "classify_x_to_y")
    answer = target.call("PredictionService/Classify", request, ClassificationResponse)
    (classified,) = answer.result.classifications
    assert [each.score for each in classified.classes] == [3.0]
    assert_answered_by(answer.model_spec, "classify_x_to_y")


@upstream(BLACK_BOX, "testRegress")
def test_regress(target: Target) -> None:
    request = with_example(RegressionRequest(), "regress_x_to_y")
    answer = target.call("PredictionService/Regress", request, RegressionResponse)
    assert [each.value for each in answer.result.regressions] == [3.0]
    assert_answered_by(answer.model_spec, "regress_x_to_y")


@upstream(BLACK_BOX, "testMultiInference")
def test_multi_inference(target: Target) -> None:
    request = MultiInferenceRequest()
    for verb in ("regress", "classify"):
        task = request.tasks.add(method_name=f"tensorflow/serving/{verb}")
        task.model_spec.name = MODEL
        task.model_spec.signature_name = f"{verb}_x_to_y"
    request.input.example_list.examples.append(example(2.0))
    answer = target.call(
        "PredictionService/MultiInference", request, MultiInferenceResponse
    )
    regressed, classified = answer.results
    assert regressed.regression_result.regressions[0].value == 3.0
    (labels,) = classified.classification_result.classifications
    assert labels.classes[0].score == 3.0
    assert_answered_by(regressed.model_spec, "regress_x_to_y")
    assert_answered_by(classified.model_spec, "classify_x_to_y")


# --- Metadata and status --------------------------------------------------------


@upstream("servables/tensorflow/get_model_metadata_impl.cc", "GetModelMetadata")
def test_metadata_is_the_signatures(target: Target) -> None:
    request = GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = MODEL
    answer = target.call(
        "PredictionService/GetModelMetadata", request, GetModelMetadataResponse
    )
    signatures = SignatureDefMap()
    assert answer.metadata["signature_def"].Unpack(signatures)
    assert {"serving_default", "regress_x_to_y", "classify_x_to_y"} <= set(
        signatures.signature_def
    )
    assert (answer.model_spec.name, answer.model_spec.version.value) == (MODEL, 123)


@upstream("servables/tensorflow/get_model_metadata_impl.cc", "ValidateGetModelMetadata")
@pytest.mark.parametrize("fields", [[], ["graph"]])
def test_metadata_knows_no_other_field(target: Target, fields: list[str]) -> None:
    request = GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = MODEL
    method = "PredictionService/GetModelMetadata"
    code, _ = refused(target, method, request, GetModelMetadataResponse)
    assert code is INVALID


@upstream(BLACK_BOX, "testGetModelStatus")
def test_status(target: Target) -> None:
    request = GetModelStatusRequest()
    request.model_spec.name = MODEL
    (status,) = target.call(
        STATUS, request, GetModelStatusResponse
    ).model_version_status
    assert (status.version, status.state, status.status.error_code) == (123, 30, 0)


@upstream("model_servers/get_model_status_impl.cc", "GetModelStatus")
def test_status_of_what_is_not_there(target: Target) -> None:
    request = GetModelStatusRequest()
    request.model_spec.name = "none"
    code, said = refused(target, STATUS, request, GetModelStatusResponse)
    assert code is grpc.StatusCode.NOT_FOUND
    assert "Could not find any versions of model none" in said
    request.model_spec.name = MODEL
    request.model_spec.version.value = 9
    code, said = refused(target, STATUS, request, GetModelStatusResponse)
    assert code is grpc.StatusCode.NOT_FOUND
    assert f"Could not find version 9 of model {MODEL}" in said
