"""grpc.health.v1.Health, for --enable_grpc_healthcheck_service.

It knows one service, the server as a whole: the empty name. The ports open once the
models can be asked, so that it serves from its first answer until it is ended.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import grpc

from serving.server.dynamic_messages import message_classes

SERVICE = "grpc.health.v1.Health"
CHECK = f"/{SERVICE}/Check"
WATCH = f"/{SERVICE}/Watch"

CLASSES = message_classes("""
    name: "grpc/health/v1/health.proto"
    package: "grpc.health.v1"
    syntax: "proto3"
    message_type {
      name: "HealthCheckRequest"
      field { name: "service" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
    }
    message_type {
      name: "HealthCheckResponse"
      field {
        name: "status" number: 1 label: LABEL_OPTIONAL type: TYPE_ENUM
        type_name: ".grpc.health.v1.HealthCheckResponse.ServingStatus"
      }
      enum_type {
        name: "ServingStatus"
        value { name: "UNKNOWN" number: 0 }
        value { name: "SERVING" number: 1 }
        value { name: "NOT_SERVING" number: 2 }
        value { name: "SERVICE_UNKNOWN" number: 3 }
      }
    }
""")
HealthCheckRequest = CLASSES["grpc.health.v1.HealthCheckRequest"]
HealthCheckResponse = CLASSES["grpc.health.v1.HealthCheckResponse"]

Send = Callable[[Any], None]


class Health:
    """Says whether the server serves: to who asks, and to who watches."""

    def __init__(self) -> None:
        """Serve."""
        self._lock = Lock()
        self._status = HealthCheckResponse.SERVING
        self._watchers: dict[Send, bool] = {}  # And whether they asked for us.

    def handler(self) -> grpc.GenericRpcHandler:
        """Both methods, to be added to a server.

        They have a thread of their own: a probe is answered also when all others
        compute.
        """
        pool = ThreadPoolExecutor(1, "health")
        handlers = {
            "Check": grpc.unary_unary_rpc_method_handler(
                _Blocking(self._check, pool),
                request_deserializer=HealthCheckRequest.FromString,
                response_serializer=HealthCheckResponse.SerializeToString,
            ),
            "Watch": grpc.unary_stream_rpc_method_handler(
                _NonBlocking(self._watch, pool),
                request_deserializer=HealthCheckRequest.FromString,
                response_serializer=HealthCheckResponse.SerializeToString,
            ),
        }
        return grpc.method_handlers_generic_handler(SERVICE, handlers)

    def leave(self) -> None:
        """Serve no more. Ends every watch, which would hold up the server's end."""
        with self._lock:
            self._status = HealthCheckResponse.NOT_SERVING
            watchers, self._watchers = self._watchers, {}
        for send, known in watchers.items():
            if known:
                send(HealthCheckResponse(status=self._status))
            send(None)

    def _check(self, request: Any, context: grpc.ServicerContext) -> Any:
        if request.service:
            context.abort(grpc.StatusCode.NOT_FOUND, "service name unknown")
        return HealthCheckResponse(status=self._status)

    def _watch(self, request: Any, context: grpc.ServicerContext, send: Send) -> None:
        """Tell the status now, and when it changes: once, for it changes only once.

        Nothing is sent with the lock held: gRPC's own thread takes it in _forget.
        """
        known = not request.service
        with self._lock:
            status = self._status
            self._watchers[send] = known
        told = status if known else HealthCheckResponse.SERVICE_UNKNOWN
        send(HealthCheckResponse(status=told))
        if status == HealthCheckResponse.NOT_SERVING:
            send(None)
        if not context.add_callback(lambda: self._forget(send)):
            self._forget(send)

    def _forget(self, send: Send) -> None:
        with self._lock:
            self._watchers.pop(send, None)


class _Blocking:
    """A method that gRPC runs in the given pool."""

    def __init__(self, answer: Callable[..., Any], pool: ThreadPoolExecutor) -> None:
        self._answer = answer
        self.experimental_thread_pool = pool

    def __call__(self, *arguments: Any) -> Any:
        return self._answer(*arguments)


class _NonBlocking(_Blocking):
    """The same, but it keeps no thread while the stream is open."""

    experimental_non_blocking = True
