"""The gRPC API: PredictionService.Predict and ModelService.GetModelStatus."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import grpc

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
from serving.server.models import Asked, Models, State
from serving.server.predict import DEFAULT_SIGNATURE, predict
from serving.server.status import StatusError, invalid

Request = TypeVar("Request")
Response = TypeVar("Response")

OPTIONS = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # Or a second server would silently take half of the calls.
    ("grpc.so_reuseport", 0),
]


def make_server(models: Models, *, addresses: list[str], threads: int) -> grpc.Server:
    """A server that listens once it is started. Raises OSError for a taken address."""
    server = grpc.server(ThreadPoolExecutor(threads, "grpc"), options=OPTIONS)
    server.add_generic_rpc_handlers(_handlers(models))
    for address in addresses:
        try:
            server.add_insecure_port(address)
        except RuntimeError as error:
            raise OSError(f"cannot listen on {address}: {error}") from error
    return server


def _handlers(models: Models) -> tuple[grpc.GenericRpcHandler, ...]:
    methods = {
        PREDICT: grpc.unary_unary_rpc_method_handler(
            _answering(lambda request: _predict(models, request)),
            request_deserializer=PredictRequest.FromString,
            response_serializer=PredictResponse.SerializeToString,
        ),
        GET_MODEL_STATUS: grpc.unary_unary_rpc_method_handler(
            _answering(lambda request: _get_model_status(models, request)),
            request_deserializer=GetModelStatusRequest.FromString,
            response_serializer=GetModelStatusResponse.SerializeToString,
        ),
    }
    return tuple(
        grpc.method_handlers_generic_handler(service, {method: handler})
        for (_, service, method), handler in (
            (path.split("/"), handler) for path, handler in methods.items()
        )
    )


def _answering(
    answer: Callable[[Request], Response],
) -> Callable[[Request, grpc.ServicerContext], Response]:
    """Turn a StatusError into the call's status."""

    def handle(request: Request, context: grpc.ServicerContext) -> Response:
        try:
            return answer(request)
        except StatusError as error:
            context.abort(error.code, error.message)

    return handle


def _predict(models: Models, request: PredictRequest) -> PredictResponse:
    name, version = _asked(request)
    with models.hold(name, version) as held:
        outputs = predict(held.servable, request)
    spec = ModelSpec(
        name=held.name,
        signature_name=request.model_spec.signature_name or DEFAULT_SIGNATURE,
    )
    spec.version.value = held.version
    return PredictResponse(model_spec=spec, outputs=outputs)


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
