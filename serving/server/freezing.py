"""Turn the variables of stateless signatures into constants: the same answers, sooner.

Functions are inlined first, or their variables would hide behind arguments. A signature
that writes, looks up, draws or iterates keeps the graph as it was loaded.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from serving.messages import not_running

with not_running("tensorflow"):
    from tensorflow.core.framework.graph_pb2 import GraphDef
    from tensorflow.core.framework.node_def_pb2 import NodeDef
    from tensorflow.core.protobuf.config_pb2 import ConfigProto
    from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
    from tensorflow.core.protobuf.rewriter_config_pb2 import RewriterConfig
    from tensorflow.python.framework import op_def_registry
    from tensorflow.python.framework.dtypes import as_dtype, resource
    from tensorflow.python.framework.tensor_util import make_tensor_proto
    from tensorflow.python.grappler.tf_optimizer import OptimizeGraph

OUTPUT = "frozen_output_"
MAX_BYTES = 2**31 - 2**26  # A graph is one message; 64 MiB are for what is no weight.

RESOURCE_VARIABLE, REFERENCE_VARIABLES = "VarHandleOp", {"VariableV2", "Variable"}
VARIABLES = {RESOURCE_VARIABLE, *REFERENCE_VARIABLES}
READERS = {"Identity", "ReadVariableOp"}
# These are as stateful as the functions that they call.
CALLS = {"PartitionedCall", "StatefulPartitionedCall", "If", "While", "Case"}


class Ends(NamedTuple):
    """Where a signature begins and ends: names of tensors."""

    inputs: frozenset[str]
    outputs: frozenset[str]


class Frozen(NamedTuple):
    """What of a loaded graph is also in the frozen one.

    outputs: by the tensor's name in the loaded graph. Inputs keep theirs.
    """

    inputs: frozenset[str]
    outputs: Mapping[str, str]

    def has(self, inputs: Iterable[str], outputs: Iterable[str]) -> bool:
        """Whether it leads from these inputs to these outputs."""
        return self.inputs.issuperset(inputs) and self.outputs.keys() >= set(outputs)


class FreezeError(Exception):
    """This graph is served with its variables."""


def freeze(
    loaded: GraphDef,
    signatures: Sequence[Ends],
    read: Callable[[Sequence[str]], Sequence[Any]],
) -> tuple[GraphDef, Frozen]:
    """Make a graph without variables, for every signature that allows it.

    read: the values of variables, by the names of their nodes.
    Raises FreezeError.
    """
    names = {
        tensor: f"{OUTPUT}{number}"
        for number, tensor in enumerate(
            sorted({tensor for ends in signatures for tensor in ends.outputs})
        )
    }
    graph = _inlined(_with_outputs(loaded, names), signatures, names)
    chosen = [
        ends
        for ends in signatures
        if _is_stateless(loaded, ends) and _only_reads(graph, ends, names)
    ]
    if not chosen:
        raise FreezeError("no signature is without a state")
    inputs = frozenset(tensor for ends in chosen for tensor in ends.inputs)
    outputs = {tensor: names[tensor] for ends in chosen for tensor in ends.outputs}
    pruned = _pruned(graph, [*outputs.values(), *map(_node, inputs)])
    if _bytes_of_variables(pruned) > MAX_BYTES:
        raise FreezeError("its variables are too large for one message")
    fetched = {tensor: f"{name}:0" for tensor, name in outputs.items()}
    return _without_variables(pruned, read), Frozen(inputs, fetched)


def variables_of(
    loaded: GraphDef, signatures: Iterable[Ends] | None = None
) -> set[str]:
    """The resource variables that these signatures need, or that there are at all."""
    if signatures is not None:
        outputs = {_node(tensor) for ends in signatures for tensor in ends.outputs}
        loaded = _pruned(loaded, sorted(outputs))
    return {node.name for node in loaded.node if node.op == RESOURCE_VARIABLE}


def _pruned(graph: GraphDef, wanted: Iterable[str]) -> GraphDef:
    """What of a graph these nodes need."""
    nodes = {node.name: node for node in graph.node}
    waiting, needed = list(wanted), set()
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(map(_node, nodes[name].input))
    pruned = GraphDef(versions=graph.versions, library=graph.library)
    pruned.node.extend(node for node in graph.node if node.name in needed)
    return pruned


def _with_outputs(loaded: GraphDef, names: Mapping[str, str]) -> GraphDef:
    """Add a node after every output: inlining takes away the calls themselves."""
    graph = GraphDef()
    graph.CopyFrom(loaded)
    dtypes = _dtypes_of_outputs(loaded, names)
    for tensor, name in names.items():
        node = graph.node.add(name=name, op="Identity", input=[tensor])
        node.attr["T"].type = dtypes[tensor]
    return graph


def _dtypes_of_outputs(loaded: GraphDef, tensors: Iterable[str]) -> dict[str, int]:
    nodes = {node.name: node for node in loaded.node}
    return {
        tensor: _dtypes(nodes[_node(tensor)])[int(tensor.partition(":")[2] or 0)]
        for tensor in tensors
    }


def _dtypes(node: NodeDef) -> list[int]:
    """The dtypes of what a node gives, as its operation declares them."""
    dtypes: list[int] = []
    for argument in op_def_registry.get(node.op).output_arg:
        if argument.type_list_attr:
            dtypes.extend(node.attr[argument.type_list_attr].list.type)
            continue
        dtype = node.attr[argument.type_attr].type if argument.type_attr else 0
        times = node.attr[argument.number_attr].i if argument.number_attr else 1
        dtypes.extend([dtype or argument.type] * times)
    return dtypes


def _inlined(
    graph: GraphDef, signatures: Sequence[Ends], names: Mapping[str, str]
) -> GraphDef:
    kept = sorted(
        {*names.values()}
        | {_node(tensor) for ends in signatures for tensor in ends.inputs}
    )
    meta_graph = MetaGraphDef(graph_def=_pruned(graph, kept))
    meta_graph.collection_def["train_op"].node_list.value.extend(kept)
    config = ConfigProto()
    rewriting = config.graph_options.rewrite_options
    rewriting.min_graph_nodes = -1  # Small graphs too.
    rewriting.optimizers.append("function")
    rewriting.function_optimization = RewriterConfig.AGGRESSIVE
    return OptimizeGraph(config, meta_graph, verbose=False)


def _is_stateless(loaded: GraphDef, ends: Ends) -> bool:
    """Whether nothing before the outputs, in functions too, has more than variables.

    Decided before inlining, which may leave out what no output depends on.
    """
    part = _pruned(loaded, map(_node, ends.outputs))
    functions = {each.signature.name: each.node_def for each in loaded.library.function}
    waiting = [node for node in part.node if node.op not in VARIABLES]
    seen: set[str] = set()
    while waiting:
        node = waiting.pop()
        if _is_stateful(node):
            return False
        for name in set(_called(node)) - seen:
            seen.add(name)
            waiting.extend(functions[name])
    return True


def _is_stateful(node: NodeDef) -> bool:
    if node.op in CALLS or node.op in READERS:
        return False
    definition = op_def_registry.get(node.op)
    return definition is None or bool(definition.is_stateful)


def _called(node: NodeDef) -> Iterator[str]:
    for value in node.attr.values():
        if value.HasField("func"):
            yield value.func.name
        yield from (each.name for each in value.list.func)


def _only_reads(graph: GraphDef, ends: Ends, names: Mapping[str, str]) -> bool:
    """Whether variables are read, and neither written nor handed on."""
    nodes = {node.name: node for node in graph.node}
    # Fed in the middle of a graph, the part before it would be frozen for nothing.
    if any(nodes[_node(tensor)].op != "Placeholder" for tensor in ends.inputs):
        return False
    part = _pruned(graph, [names[tensor] for tensor in ends.outputs])
    roots = _roots(part.node)
    return not any(
        _node(name) in roots
        for node in part.node
        if node.op not in READERS
        for name in node.input
        if name[0] != "^"
    )


def _roots(nodes: Iterable[NodeDef]) -> dict[str, NodeDef]:
    """The variable behind each node that is one, or that passes one on."""
    by_name = {node.name: node for node in nodes}
    roots = {name: node for name, node in by_name.items() if node.op in VARIABLES}
    for node in by_name.values():
        path = [node]
        while path[-1].op == "Identity" and path[-1].name not in roots:
            if path[-1].attr["T"].type != resource.as_datatype_enum:
                break
            path.append(by_name[_node(path[-1].input[0])])
        root = roots.get(path[-1].name)
        if root is not None:
            roots.update({passing.name: root for passing in path})
    return roots


def _bytes_of_variables(graph: GraphDef) -> int:
    return sum(
        as_dtype(node.attr["dtype"].type).size
        * math.prod(max(dim.size, 0) for dim in node.attr["shape"].shape.dim)
        for node in graph.node
        if node.op in VARIABLES
    )


def _without_variables(
    graph: GraphDef, read: Callable[[Sequence[str]], Sequence[Any]]
) -> GraphDef:
    """Put a constant where a variable was; what read it, passes it on."""
    roots = _roots(graph.node)
    variables = [node.name for node in graph.node if node.op in VARIABLES]
    values = dict(zip(variables, read(variables), strict=True))
    frozen = GraphDef(versions=graph.versions, library=graph.library)
    for node in graph.node:
        root = roots.get(node.name) or (
            roots.get(_node(node.input[0])) if node.op == "ReadVariableOp" else None
        )
        made = frozen.node.add(name=node.name)
        if root is None:
            made.CopyFrom(node)
            made.attr.pop("_class", None)  # May name a node that was pruned.
        elif root.name == node.name:
            made.op = "Const"
            value = make_tensor_proto(values.pop(node.name), root.attr["dtype"].type)
            made.attr["dtype"].type = root.attr["dtype"].type
            made.attr["value"].tensor.CopyFrom(value)
        else:
            made.op = "Identity"
            made.input.extend(node.input)
            made.attr["T"].type = root.attr["dtype"].type
    return frozen


def _node(tensor: str) -> str:
    return tensor.removeprefix("^").partition(":")[0]
