"""What Classify, Regress and MultiInference have in common: tf.Examples.

The words are those of TensorFlow Serving's servables/tensorflow/util.cc.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from serving.messages import DataType
from serving.server.inference_messages import Input, SignatureDef
from serving.server.loader import Array, Servable, Signature
from serving.server.metrics import EXAMPLE_COUNT, EXAMPLE_COUNTS, timed_run
from serving.server.predict import DEFAULT_SIGNATURE, run
from serving.server.status import invalid
from serving.server.tensor_messages import dtype_number

INPUTS = "inputs"


class Found(NamedTuple):
    """A signature, and how the model describes it."""

    signature: Signature
    definition: SignatureDef


class Answered(NamedTuple):
    """The outputs for so many examples."""

    examples: int
    outputs: Mapping[str, Array]


def find(servable: Servable, name: str, missing: str) -> Found:
    """The named signature, or the default one. Raises StatusError, saying `missing`."""
    name = name or DEFAULT_SIGNATURE
    signature = servable.signatures.get(name)
    if signature is None:
        raise invalid(f"{missing}: {name}")
    return Found(signature, servable.definitions[name])


def run_examples(
    servable: Servable,
    signature: Signature,
    asked: Input,
    wanted: Sequence[str],
    *,
    model: str,
    api: str,
) -> Answered:
    """Feed the examples to the input called "inputs". Raises StatusError.

    model, api: whom the time is put down to.
    """
    examples = to_array(asked)
    with timed_run(model, api):
        outputs = run(servable, signature, {INPUTS: examples}, wanted)
    EXAMPLE_COUNTS.observe(len(examples), model)
    EXAMPLE_COUNT.add(len(examples), model)
    return Answered(len(examples), outputs)


def to_array(asked: Input) -> Array:
    """Serialize every example. Raises StatusError if there is none.

    The context goes in front of every example: two messages in a row are one message,
    in which the later value of a feature counts.
    """
    kind = asked.WhichOneof("kind")
    listed = getattr(asked, kind) if kind else None
    if listed is None or not listed.examples:
        raise invalid("Input is empty.")
    context = b""
    if kind == "example_list_with_context":
        context = listed.context.SerializeToString()
    examples = [context + example.SerializeToString() for example in listed.examples]
    return np.array(examples, object)


def shape_text(array: Array) -> str:
    """A shape as TensorFlow writes it: [2,3]."""
    return f"[{','.join(map(str, array.shape))}]"


def dtype_text(array: Array) -> str:
    """A dtype as the message calls it: DT_FLOAT."""
    return str(DataType.Name(dtype_number(array)))
