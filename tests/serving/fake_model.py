"""A model server that answers whatever a test wants, nonsense included."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import grpc
import numpy as np

from serving.contract import AGGREGATE, DESCRIBE, EMBED
from serving.messages import (
    PREDICT,
    DataType,
    ModelSpec,
    PredictRequest,
    PredictResponse,
    TensorProto,
    TensorShapeProto,
)
from tests.serving.contracts import SMALL

Answer = Callable[[PredictRequest], dict[str, TensorProto]]


def numbers(values: Any) -> TensorProto:
    """A float32 tensor, in the typed field as a server answers."""
    array = np.asarray(values, np.float32)
    return TensorProto(
        dtype=DataType.Value("DT_FLOAT"),
        tensor_shape=shape(*array.shape),
        float_val=array.ravel().tolist(),
    )


def text(value: str) -> TensorProto:
    """A scalar string tensor."""
    return TensorProto(
        dtype=DataType.Value("DT_STRING"),
        tensor_shape=shape(),
        string_val=[value.encode()],
    )


def shape(*sizes: int) -> TensorShapeProto:
    """A shape."""
    return TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in sizes])


class FakeModel:
    """Version 3 of a model with the small contract; `answers` may be replaced.

    refusals: how the next calls fail, one each; refusal: how all others do.
    """

    def __init__(self, credentials: grpc.ServerCredentials | None = None) -> None:
        self.version = 3
        self.requests: list[PredictRequest] = []
        self.refusal: tuple[grpc.StatusCode, str] | None = None
        self.refusals: list[tuple[grpc.StatusCode, str]] = []
        self.hang = threading.Event()
        self.hang.set()
        self.answers: dict[str, Answer] = {
            DESCRIBE: lambda _: {"contract": text(SMALL.to_json())},
            EMBED: self._embed,
            AGGREGATE: self._aggregate,
        }
        self._server = grpc.server(ThreadPoolExecutor(4))
        self._server.add_generic_rpc_handlers((self._handlers(),))
        if credentials is None:
            self.port = self._server.add_insecure_port("127.0.0.1:0")
        else:
            self.port = self._server.add_secure_port("127.0.0.1:0", credentials)

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.hang.set()
        self._server.stop(0).wait()

    def _handlers(self) -> grpc.GenericRpcHandler:
        _, service, method = PREDICT.split("/")
        handler = grpc.unary_unary_rpc_method_handler(
            self._answer,
            request_deserializer=PredictRequest.FromString,
            response_serializer=PredictResponse.SerializeToString,
        )
        return grpc.method_handlers_generic_handler(service, {method: handler})

    def _answer(
        self, request: PredictRequest, context: grpc.ServicerContext
    ) -> PredictResponse:
        self.requests.append(request)
        self.hang.wait(30)
        if self.refusals:
            context.abort(*self.refusals.pop(0))
        if self.refusal is not None:
            context.abort(*self.refusal)
        outputs = self.answers[request.model_spec.signature_name](request)
        spec = ModelSpec(name=request.model_spec.name)
        spec.version.value = self.version
        return PredictResponse(model_spec=spec, outputs=outputs)

    def _embed(self, request: PredictRequest) -> dict[str, TensorProto]:
        count = request.inputs["tiles"].tensor_shape.dim[0].size
        return {"embeddings": numbers(np.ones((count, SMALL.embedding_dim)))}

    def _aggregate(self, request: PredictRequest) -> dict[str, TensorProto]:
        count = request.inputs["embeddings"].tensor_shape.dim[0].size
        return {
            "probability": numbers(0.25),
            "interval_low": numbers(0.125),
            "interval_high": numbers(0.5),
            "attention": numbers(np.full(count, 1 / count)),
            "tissue": numbers(1.0),
        }
