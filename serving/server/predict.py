"""Run one signature, with TensorFlow Serving's words for what is wrong."""

from collections.abc import Iterable, Mapping, Sequence

from grpc import StatusCode

from serving.messages import PredictRequest, TensorProto
from serving.server.inference_messages import (
    CLASSIFY_METHOD,
    PREDICT_METHOD,
    REGRESS_METHOD,
)
from serving.server.loader import Array, ModelError, Servable, Signature
from serving.server.metrics import timed_graph, timed_run
from serving.server.status import CODES, StatusError, invalid
from serving.server.tensor_messages import to_array, to_content_message, to_message

DEFAULT_SIGNATURE = "serving_default"
METHODS = (PREDICT_METHOD, CLASSIFY_METHOD, REGRESS_METHOD)


def predict(
    servable: Servable, request: PredictRequest, *, tensor_content: bool = False
) -> dict[str, TensorProto]:
    """Answer a Predict request: messages in, messages out. Raises StatusError.

    tensor_content: answer in raw bytes instead of typed fields.
    """
    signature = find_signature(servable, request.model_spec.signature_name)
    check_names(signature, request.inputs)
    wanted = choose_outputs(signature, request.output_filter)
    feeds = {alias: to_array(alias, request.inputs[alias]) for alias in request.inputs}
    with timed_run(request.model_spec.name, "Predict"):
        outputs = run(servable, signature, feeds, wanted)
    pack = to_content_message if tensor_content else to_message
    return {alias: pack(array) for alias, array in outputs.items()}


def find_signature(servable: Servable, name: str) -> Signature:
    """The named signature, or the default one. Raises StatusError.

    A signature for something else than inference is refused, in the words of
    TensorFlow Serving's servables/tensorflow/predict_util.cc.
    """
    name = name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise StatusError(
            StatusCode.FAILED_PRECONDITION,
            f'Serving signature key "{name}" not found.',
        )
    method = servable.definitions[name].method_name
    if method not in METHODS:
        raise StatusError(
            StatusCode.INTERNAL,
            "Expected prediction signature method_name to be one of "
            f"{{{', '.join(METHODS)}}}. Was: {method}",
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
        with timed_graph():
            answers = servable.run(signature, feeds, wanted)
    except ModelError as error:
        code = CODES.get(error.error_code, StatusCode.UNKNOWN)
        raise StatusError(code, error.message) from error
    return dict(zip(wanted, answers, strict=True))


def _listed(names: Iterable[str]) -> str:
    return ",".join(sorted(names))
