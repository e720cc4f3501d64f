"""The gRPC API: PredictionService and ModelService.GetModelStatus."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import grpc
from google.protobuf.message import DecodeError

from serving.messages import (
    GET_MODEL_STATUS,
    PREDICT,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    ModelVersionStatus,
    PredictRequest,
    PredictResponse,
)
from serving.server.classify import classify
from serving.server.inference_messages import (
    CLASSIFY,
    GET_MODEL_METADATA,
    MULTI_INFERENCE,
    REGRESS,
    ClassificationRequest,
    ClassificationResponse,
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    InferenceTask,
    MultiInferenceRequest,
    MultiInferenceResponse,
    RegressionRequest,
    RegressionResponse,
)
from serving.server.metadata import check_fields, describe
from serving.server.metrics import counted_request
from serving.server.models import Asked, Held, Models, State
from serving.server.multi_inference import infer
from serving.server.predict import DEFAULT_SIGNATURE, predict
from serving.server.regress import regress
from serving.server.room import Room
from serving.server.status import StatusError, invalid

OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # Or a second server would silently take half of the calls.
    ("grpc.so_reuseport", 0),
]
CALLS_PER_THREAD = 5  # One is computed, four wait: gRPC has received them whole.


class Method(NamedTuple):
    """One method: what comes in, and what answers it."""

    path: str
    request: Any
    answer: Callable[[Models, Any], Any]


def make_server(
    models: Models,
    *,
    addresses: list[str],
    threads: int,
    tensor_content: bool = False,
    credentials: grpc.ServerCredentials | None = None,
    options: Sequence[tuple[str, int | str]] = (),
) -> grpc.Server:
    """A server that listens once it is started. Raises OSError for a taken address.

    tensor_content: answer Predict in raw bytes instead of typed fields.
    credentials: encrypt what comes by TCP; a UNIX socket needs none.
    options: more of gRPC's own.
    """
    server = grpc.server(
        ThreadPoolExecutor(threads, "grpc"),
        options=[*OPTIONS, *options],
        # More are refused with RESOURCE_EXHAUSTED, and cost no memory.
        maximum_concurrent_rpcs=CALLS_PER_THREAD * threads,
    )
    room = Room()
    server.add_generic_rpc_handlers(
        [
            _handler(models, method, room)
            for method in _methods(tensor_content=tensor_content)
        ]
    )
    for address in addresses:
        try:
            if credentials is None or address.startswith("unix:"):
                server.add_insecure_port(address)
            else:
                server.add_secure_port(address, credentials)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from error
    return server


def _methods(*, tensor_content: bool) -> list[Method]:
    return [
        Method(
            PREDICT, PredictRequest, partial(_predict, tensor_content=tensor_content)
        ),
        Method(CLASSIFY, ClassificationRequest, _classify),
        Method(REGRESS, RegressionRequest, _regress),
        Method(MULTI_INFERENCE, MultiInferenceRequest, _infer),
        Method(GET_MODEL_METADATA, GetModelMetadataRequest, _get_model_metadata),
        Method(GET_MODEL_STATUS, GetModelStatusRequest, _get_model_status),
    ]


def _handler(models: Models, method: Method, room: Room) -> grpc.GenericRpcHandler:
    """Bytes in, bytes out: gRPC would unpack as many requests as there are threads."""

    def handle(sent: bytes, context: grpc.ServicerContext) -> bytes:
        with room.hold(len(sent)):
            try:
                request = method.request.FromString(sent)
                answered: bytes = method.answer(models, request).SerializeToString()
            except StatusError as error:
                context.abort(error.code, error.message)
            except DecodeError as error:
                context.abort(grpc.StatusCode.INTERNAL, str(error))
        return answered

    _, service, name = method.path.split("/")
    made: dict[str, Any] = {name: grpc.unary_unary_rpc_method_handler(handle)}
    return grpc.method_handlers_generic_handler(service, made)


def _predict(
    models: Models, request: PredictRequest, *, tensor_content: bool
) -> PredictResponse:
    with counted_request(request.model_spec.name, "Predict", "GRPC"):
        name, version = _asked(request)
        with models.hold(name, version) as held:
            outputs = predict(held.servable, request, tensor_content=tensor_content)
        return PredictResponse(model_spec=_answered_by(held, request), outputs=outputs)


def _classify(models: Models, request: ClassificationRequest) -> ClassificationResponse:
    with counted_request(request.model_spec.name, "Classify", "GRPC"):
        name, version = _asked(request)
        with models.hold(name, version) as held:
            result = classify(held.servable, request)
        return ClassificationResponse(
            model_spec=_answered_by(held, request), result=result
        )


def _regress(models: Models, request: RegressionRequest) -> RegressionResponse:
    with counted_request(request.model_spec.name, "Regress", "GRPC"):
        name, version = _asked(request)
        with models.hold(name, version) as held:
            result = regress(held.servable, request)
        return RegressionResponse(model_spec=_answered_by(held, request), result=result)


def _infer(models: Models, request: MultiInferenceRequest) -> MultiInferenceResponse:
    first = request.tasks[0].model_spec if request.tasks else ModelSpec()
    # The first task names the version for all of them.
    name, version = _asked(InferenceTask(model_spec=first))
    with models.hold(name, version) as held:
        response = infer(held.servable, request)
    for result, task in zip(response.results, request.tasks, strict=True):
        result.model_spec.CopyFrom(_answered_by(held, task))
    return response


def _get_model_metadata(
    models: Models, request: GetModelMetadataRequest
) -> GetModelMetadataResponse:
    if request.HasField("model_spec"):
        check_fields(request)
    name, version = _asked(request)
    with models.hold(name, version) as held:
        return describe(held)


def _answered_by(held: Held, request: Any) -> ModelSpec:
    spec = ModelSpec(
        name=held.name,
        signature_name=request.model_spec.signature_name or DEFAULT_SIGNATURE,
    )
    spec.version.value = held.version
    return spec


def _get_model_status(
    models: Models, request: GetModelStatusRequest
) -> GetModelStatusResponse:
    name, version = _asked(request)
    response = GetModelStatusResponse()
    for status in models.statuses(name, version):
        added: Any = response.model_version_status.add()
        added.CopyFrom(
            ModelVersionStatus(version=status.number, state=State(status.state).value)
        )
        if status.error is not None:
            added.status.error_code = status.error.code.value[0]
            added.status.error_message = status.error.message
    return response


def _asked(request: Any) -> tuple[str, Asked]:
    """The model's name, and what version of it is asked. Raises StatusError."""
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec: ModelSpec = request.model_spec
    if not spec.name:
        raise invalid("ModelSpec has no name specified.")
    if spec.WhichOneof("version_choice") == "version_label":
        return spec.name, str(spec.version_label)
    return spec.name, spec.version.value if spec.HasField("version") else None
