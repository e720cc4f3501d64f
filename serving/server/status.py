"""How a request fails: one code, as gRPC names it, and its HTTP status."""

from grpc import StatusCode

HTTP_STATUS = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.FAILED_PRECONDITION: 400,
    StatusCode.OUT_OF_RANGE: 400,
    StatusCode.UNAUTHENTICATED: 401,
    StatusCode.PERMISSION_DENIED: 403,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.ABORTED: 409,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.CANCELLED: 499,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DEADLINE_EXCEEDED: 504,
}
CODES = {code.value[0]: code for code in StatusCode}


class StatusError(Exception):
    """The request fails with this code and these words, over gRPC and REST alike."""

    def __init__(self, code: StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    def __str__(self) -> str:
        return f"{self.code.name}: {self.message}"

    @property
    def http_status(self) -> int:
        """The HTTP status that stands for the code."""
        return HTTP_STATUS.get(self.code, 500)


def invalid(message: str) -> StatusError:
    """Blame the request."""
    return StatusError(StatusCode.INVALID_ARGUMENT, message)


def not_found(message: str) -> StatusError:
    """Say that there is no such thing here."""
    return StatusError(StatusCode.NOT_FOUND, message)


def no_servable(name: str, number: int | None) -> StatusError:
    """Say that this version, or any of the model, cannot be asked."""
    asked = f"Latest({name})" if number is None else f"Specific({name}, {number})"
    return not_found(f"Servable not found for request: {asked}")
