"""Classify: examples in, classes and scores out.

As TensorFlow Serving's servables/tensorflow/classifier.cc, and in its words.
"""

from collections.abc import Mapping

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
    CLASSIFY_METHOD,
    ClassificationRequest,
    ClassificationResult,
)
from serving.server.loader import Array, Servable
from serving.server.status import invalid

CLASSES = "classes"
SCORES = "scores"
DTYPES = {CLASSES: "DT_STRING", SCORES: "DT_FLOAT"}
RANK = 2


def classify(
    servable: Servable, request: ClassificationRequest
) -> ClassificationResult:
    """Answer a Classify request. Raises StatusError."""
    spec = request.model_spec
    found = find(servable, spec.signature_name, "No signature was found with the name")
    answered = run_examples(
        servable,
        found.signature,
        request.input,
        classifier_outputs(found),
        model=spec.name,
        api="Classify",
    )
    return to_classifications(answered)


def classifier_outputs(found: Found) -> list[str]:
    """Which outputs a classifier has. Raises StatusError if it is none."""
    method = found.definition.method_name
    if method != CLASSIFY_METHOD:
        raise invalid(
            "Expected classification signature method_name to be "
            f"{CLASSIFY_METHOD}. Was: {method}"
        )
    inputs, outputs = found.signature.inputs, found.signature.outputs
    if len(inputs) != 1:
        raise invalid("Expected one input Tensor.")
    if len(outputs) not in (1, 2):
        raise invalid(f"Expected one or two output Tensors, found {len(outputs)}")
    if INPUTS not in inputs:
        raise invalid(
            f"No classification inputs found in SignatureDef: {found.definition}"
        )
    named = [name for name in (CLASSES, SCORES) if name in outputs]
    if not named:
        raise invalid(
            "Expected classification signature outputs to contain at least one of "
            f'"{CLASSES}" or "{SCORES}". Signature was: {found.definition}'
        )
    return named


def to_classifications(answered: Answered) -> ClassificationResult:
    """Write classes and scores, whichever there are. Raises StatusError."""
    given = answered.outputs
    for name, array in given.items():
        _check(name, array, answered.examples)
    per_example = _classes_per_example(given)
    classes, scores = given.get(CLASSES), given.get(SCORES)
    result = ClassificationResult()
    for row in range(answered.examples):
        added = result.classifications.add().classes
        for column in range(per_example):
            one = added.add()
            if classes is not None:
                one.label = classes[row, column].decode(errors="replace")
            if scores is not None:
                one.score = scores[row, column]
    return result


def _check(name: str, array: Array, count: int) -> None:
    if array.ndim != RANK:
        raise invalid(
            "Expected Tensor shape: [batch_size num_classes] but got "
            f"{shape_text(array)}"
        )
    if dtype_text(array) != DTYPES[name]:
        raise invalid(
            f"Expected {name} Tensor of {DTYPES[name]}. Got: {dtype_text(array)}"
        )
    if len(array) != count:
        raise invalid(
            f"Expected {name} output batch size of {count}. Got: {len(array)}"
        )


def _classes_per_example(given: Mapping[str, Array]) -> int:
    widths = [array.shape[1] for array in given.values()]
    if len(set(widths)) > 1:
        raise invalid(
            "Tensors class and score should match in dim_size(1). Got "
            f"{given[CLASSES].shape[1]} vs. {given[SCORES].shape[1]}"
        )
    return int(widths[0])
