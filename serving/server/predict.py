"""Run one signature, with TensorFlow Serving's words for what is wrong."""

from collections.abc import Iterable, Mapping, Sequence

from grpc import StatusCode

from serving.messages import PredictRequest, TensorProto
from serving.server.loader import Array, ModelError, Servable, Signature
from serving.server.status import CODES, StatusError, invalid
from serving.server.tensor_messages import to_array, to_message

DEFAULT_SIGNATURE = "serving_default"


def predict(servable: Servable, request: PredictRequest) -> dict[str, TensorProto]:
    """Answer a Predict request: messages in, messages out. Raises StatusError."""
    signature = find_signature(servable, request.model_spec.signature_name)
    check_names(signature, request.inputs)
    wanted = choose_outputs(signature, request.output_filter)
    feeds = {alias: to_array(alias, request.inputs[alias]) for alias in request.inputs}
    outputs = run(servable, signature, feeds, wanted)
    return {alias: to_message(array) for alias, array in outputs.items()}


def find_signature(servable: Servable, name: str) -> Signature:
    """The named signature, or the default one. Raises StatusError."""
    signature = servable.signatures.get(name or DEFAULT_SIGNATURE)
    if signature is None:
        raise StatusError(
            StatusCode.FAILED_PRECONDITION,
            f'Serving signature key "{name or DEFAULT_SIGNATURE}" not found.',
        )
    return signature


def check_names(signature: Signature, given: Iterable[str]) -> None:
    """Refuse other inputs than the signature's. Raises StatusError."""
    sent, needed = set(given), set(signature.inputs)
    if len(sent) != len(needed):
        raise invalid(
            f"input size does not match signature: {len(sent)}!={len(needed)} "
            f"len({{{_listed(sent)}}}) != len({{{_listed(needed)}}}). "
            f"Sent extra: {{{_listed(sent - needed)}}}. "
            f"Missing but required: {{{_listed(needed - sent)}}}."
        )
    for alias in sorted(sent - needed):
        raise invalid(
            f"input tensor alias not found in signature: {alias}. "
            f"Inputs expected to be in the set {{{_listed(needed)}}}."
        )


def choose_outputs(signature: Signature, named: Sequence[str]) -> list[str]:
    """The outputs that were asked for; all if none was. Raises StatusError."""
    for position, alias in enumerate(named):
        if alias not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {alias} Outputs "
                f"expected to be in the set {{{_listed(signature.outputs)}}}."
            )
        if alias in named[:position]:
            raise invalid(f"duplicate output tensor alias: {alias}")
    return list(named) or sorted(signature.outputs)


def run(
    servable: Servable,
    signature: Signature,
    feeds: Mapping[str, Array],
    wanted: Sequence[str],
) -> dict[str, Array]:
    """Compute the wanted outputs. Raises StatusError."""
    for alias, array in feeds.items():
        expected = signature.inputs[alias]
        if array.dtype != expected.numpy_dtype:
            raise invalid(
                f"Expects arg {alias} to be {expected.dtype_name} "
                f"but {array.dtype} is provided"
            )
    try:
        answers = servable.run(signature, feeds, wanted)
    except ModelError as error:
        code = CODES.get(error.error_code, StatusCode.UNKNOWN)
        raise StatusError(code, error.message) from error
    return dict(zip(wanted, answers, strict=True))


def _listed(names: Iterable[str]) -> str:
    return ",".join(sorted(names))
