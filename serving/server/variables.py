"""The variables that a session holds: read them, give their memory back."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from serving.messages import not_running

with not_running("tensorflow"):
    from tensorflow.core.framework.attr_value_pb2 import AttrValue

Array = np.ndarray[Any, Any]

RESOURCE_VARIABLE = "VarHandleOp"


def read(session: Any, names: Sequence[str]) -> list[Array]:
    """The values of variables, by the names of their nodes.

    Not of a copy: what initialisers and assets made of them counts too.
    """
    with session.graph.as_default():
        tensors = [_value(session.graph, name) for name in names]
    values: list[Array] = session.run(tensors)
    return values


def forget(session: Any, names: Iterable[str]) -> None:
    """Give the memory of resource variables back: nobody may read them any more."""
    with session.graph.as_default():
        ended = [
            session.graph.create_op(
                "DestroyResourceOp",
                session.graph.get_operation_by_name(name).outputs,
                [],
                attrs={"ignore_lookup_error": AttrValue(b=True)},
            )
            for name in names
        ]
    session.run(ended)


def _value(graph: Any, name: str) -> Any:
    variable = graph.get_operation_by_name(name)
    if variable.type != RESOURCE_VARIABLE:
        return variable.outputs[0]
    dtype = variable.get_attr("dtype")
    stated = AttrValue(type=dtype.as_datatype_enum)
    # Reading is an operation of its own, which a graph need not contain.
    reading = graph.create_op(
        "ReadVariableOp", variable.outputs, [dtype], attrs={"dtype": stated}
    )
    return reading.outputs[0]
