"""Regress: examples in, one number for each out.

As TensorFlow Serving's servables/tensorflow/regressor.cc, and in its words.
"""

from serving.server.examples import (
    INPUTS,
    Answered,
    Found,
    dtype_text,
    find,
    run_examples,
    shape_text,
)
from serving.server.inference_messages import (
    REGRESS_METHOD,
    RegressionRequest,
    RegressionResult,
)
from serving.server.loader import Servable
from serving.server.status import invalid

OUTPUTS = "outputs"


def regress(servable: Servable, request: RegressionRequest) -> RegressionResult:
    """Answer a Regress request. Raises StatusError."""
    spec = request.model_spec
    found = find(servable, spec.signature_name, "No signature was found with the name")
    answered = run_examples(
        servable,
        found.signature,
        request.input,
        regressor_outputs(found),
        model=spec.name,
        api="Regress",
    )
    return to_regressions(answered)


def regressor_outputs(found: Found) -> list[str]:
    """Which output a regressor has. Raises StatusError if it is none."""
    method = found.definition.method_name
    if method != REGRESS_METHOD:
        raise invalid(
            "Expected regression signature method_name to be "
            f"{REGRESS_METHOD}. Was: {method}"
        )
    inputs, outputs = found.signature.inputs, found.signature.outputs
    if len(inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(outputs) != 1:
        raise invalid("Expected one output Tensor.")
    if INPUTS not in inputs:
        raise invalid(f"No regression inputs found in SignatureDef: {found.definition}")
    if OUTPUTS not in outputs:
        raise invalid(
            f"No regression outputs found in SignatureDef: {found.definition}"
        )
    return [OUTPUTS]


def to_regressions(answered: Answered) -> RegressionResult:
    """Write one number for each example. Raises StatusError."""
    array = answered.outputs[OUTPUTS]
    if array.ndim == 0 or array.shape[1:] not in ((), (1,)):
        raise invalid(
            "Expected output Tensor shape to be either [batch_size] or "
            f"[batch_size, 1] but got {shape_text(array)}"
        )
    if len(array) != answered.examples:
        raise invalid(
            "Input batch size did not match output batch size: "
            f"{answered.examples} vs. {len(array)}"
        )
    if dtype_text(array) != "DT_FLOAT":
        raise invalid(f"Expected output Tensor of DT_FLOAT.  Got: {dtype_text(array)}")
    result = RegressionResult()
    for value in array.ravel().tolist():
        result.regressions.add().value = value
    return result
