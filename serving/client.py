"""Ask the model server, over gRPC, with a deadline on every call.

What leaves here has been checked: some wrong ranks abort the whole server. What
comes back has been checked too. Importing this does not run TensorFlow.
"""

from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, NoReturn, Self

import grpc
import numpy as np

from serving.connection import Connection, never_ran
from serving.contract import (
    AGGREGATE,
    ASK,
    ATTENTION,
    CONTRACT,
    DESCRIBE,
    EMBED,
    EMBEDDINGS,
    INTERVAL_HIGH,
    INTERVAL_LOW,
    PROBABILITY,
    TILES,
    TISSUE,
    ContractError,
    ModelContract,
    SchemaError,
    TensorSpec,
    signatures,
)
from serving.errors import (
    ServingBrokenError,
    ServingRejectedError,
    ServingUnreachableError,
    ServingVersionGoneError,
)
from serving.messages import (
    ModelSpec,
    PredictRequest,
    PredictResponse,
    TensorProto,
)
from serving.tensors import (
    Array,
    from_message,
    string_from_message,
    to_message,
)

ASKED = TensorSpec("int32", ())
DESCRIBED = TensorSpec("string", ())

ATTENTION_SUM_TOLERANCE = 1e-3  # Of float32 weights of some thousand tiles.

TOO_LARGE = "larger than max"  # gRPC's words for a message above the limit.

# The request itself is at fault, or the server is none that we can ask.
REJECTIONS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNIMPLEMENTED,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
}


class Described(NamedTuple):
    """A model's own words about itself, and the version that said them."""

    contract: ModelContract
    version: int


class BagAnswer(NamedTuple):
    """The answer about one image.

    probability: calibrated, of malignancy. interval_low, interval_high: 90 % interval
    around it, over resamples of the tiles. attention: (n,) float32, one weight per
    tile, sums to 1. tissue: in [0, 1], how much this looks like H&E tissue.
    """

    probability: float
    interval_low: float
    interval_high: float
    attention: Array
    tissue: float


class ServingClient:
    """One model on one server. Threads may share it.

    address: host:port, or unix:/path. timeout_s: for one call.
    connect_timeout_s: how long one try to connect may take, of that.
    authority: a PEM file; with it the connection is encrypted, and the server known.
    Connects on the first call; make it, or at least call it first, in the process
    that uses it, for gRPC does not survive a fork.
    """

    def __init__(
        self,
        address: str,
        model: str,
        *,
        timeout_s: float,
        connect_timeout_s: float,
        authority: Path | None = None,
    ) -> None:
        """Remember whom to ask; connects on the first call."""
        self._model = model
        self._connection = Connection(
            address,
            timeout_s=timeout_s,
            connect_timeout_s=connect_timeout_s,
            authority=authority,
        )
        self._contracts: dict[int, ModelContract] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; the next call would connect again."""
        self._connection.close()

    def describe(self, *, version: int | None = None) -> Described:
        """Ask for the contract, of the newest version unless one is named.

        Raises a ServingError: see serving.errors for which one means what.
        """
        asked = to_message(np.array(0, np.int32), ASKED)
        answer = self._predict(DESCRIBE, ASK, asked, version)
        written = string_from_message(_output(answer, CONTRACT), DESCRIBED)
        try:
            contract = ModelContract.from_json(written)
        except SchemaError as error:  # In the middle of an upgrade: soon over.
            raise ServingUnreachableError(str(error)) from error
        except ContractError as error:
            raise ServingRejectedError(str(error)) from error
        described = Described(contract, answer.model_spec.version.value)
        self._contracts[described.version] = contract
        return described

    def embed(self, tiles: Array, *, version: int) -> Array:
        """Embed a batch of tiles.

        tiles: (n, side_px, side_px, 3) uint8, RGB, 0-255, unscaled: the model scales.
        Returns (n, d) float32. Raises a ServingError.
        """
        spec = signatures(self._contract(version))[EMBED]
        asked = to_message(tiles, spec.inputs[TILES])
        answer = self._predict(EMBED, TILES, asked, version)
        embedded = from_message(_output(answer, EMBEDDINGS), spec.outputs[EMBEDDINGS])
        _check_count(embedded, tiles)
        return embedded

    def aggregate(self, embeddings: Array, *, version: int) -> BagAnswer:
        """Answer about one image, from the embeddings of all its tiles.

        embeddings: (n, d) float32, as `embed` of the same version gave them.
        Raises a ServingError.
        """
        contract = self._contract(version)
        spec = signatures(contract)[AGGREGATE]
        asked = to_message(embeddings, spec.inputs[EMBEDDINGS])
        if len(embeddings) > contract.max_tiles:
            raise ServingRejectedError(f"not asked: {len(embeddings)} tiles in one bag")
        if not np.isfinite(embeddings).all():
            raise ServingRejectedError("not asked: NaN or infinity in an embedding")
        answer = self._predict(AGGREGATE, EMBEDDINGS, asked, version)
        outputs = {
            name: from_message(_output(answer, name), spec.outputs[name])
            for name in spec.outputs
        }
        _check_count(outputs[ATTENTION], embeddings)
        return _bag_answer(outputs)

    def _contract(self, version: int) -> ModelContract:
        known = self._contracts.get(version)
        return known or self.describe(version=version).contract

    def _predict(
        self, signature: str, name: str, tensor: TensorProto, version: int | None
    ) -> PredictResponse:
        spec = ModelSpec(name=self._model, signature_name=signature)
        if version is not None:
            spec.version.value = version
        request = PredictRequest(model_spec=spec, inputs={name: tensor})
        try:
            answer = self._connection.predict(request)
        except grpc.RpcError as error:
            _sort_out(error, version)
        answered = answer.model_spec.version.value
        if version is not None and answered != version:
            raise ServingRejectedError(f"version {answered} answered for {version}")
        return answer


def _sort_out(error: Any, version: int | None) -> NoReturn:
    """Say what a failed call means: see serving.errors."""
    code, details = error.code(), error.details() or ""
    words = f"{code.name}: {details}"
    if code is grpc.StatusCode.NOT_FOUND:
        if version is None:  # The server is up, the model not loaded yet.
            raise ServingUnreachableError(words) from error
        raise ServingVersionGoneError(words) from error
    if never_ran(error):
        raise ServingUnreachableError(words) from error
    if code in REJECTIONS or TOO_LARGE in details:
        raise ServingRejectedError(words) from error
    raise ServingBrokenError(words) from error


def _output(answer: PredictResponse, name: str) -> TensorProto:
    if name not in answer.outputs:  # Asked first: looking it up would insert it.
        raise ServingRejectedError(f"no {name} in the answer")
    return answer.outputs[name]


def _check_count(answered: Array, asked: Array) -> None:
    if len(answered) != len(asked):
        raise ServingRejectedError(f"{len(answered)} answers for {len(asked)} tiles")


def _bag_answer(outputs: dict[str, Array]) -> BagAnswer:
    attention = outputs[ATTENTION]
    if attention.min() < 0 or abs(attention.sum() - 1) > ATTENTION_SUM_TOLERANCE:
        raise ServingRejectedError("attention weights that do not sum to 1")
    answer = BagAnswer(
        probability=_fraction(outputs[PROBABILITY]),
        interval_low=_fraction(outputs[INTERVAL_LOW]),
        interval_high=_fraction(outputs[INTERVAL_HIGH]),
        attention=attention,
        tissue=_fraction(outputs[TISSUE]),
    )
    if not answer.interval_low <= answer.probability <= answer.interval_high:
        raise ServingRejectedError(
            f"an interval from {answer.interval_low} to {answer.interval_high} "
            f"around a probability of {answer.probability}"
        )
    return answer


def _fraction(number: Array) -> float:
    value = float(number)
    if not 0 <= value <= 1:
        raise ServingRejectedError(f"{value} answered for a number in [0, 1]")
    return value
