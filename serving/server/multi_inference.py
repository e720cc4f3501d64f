"""MultiInference: one run of the graph for several classifiers and regressors.

As TensorFlow Serving's servables/tensorflow/multi_inference.cc, and in its words.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from grpc import StatusCode

from serving.server.classify import classifier_outputs, to_classifications
from serving.server.examples import INPUTS, Answered, Found, find, run_examples
from serving.server.inference_messages import (
    CLASSIFY_METHOD,
    REGRESS_METHOD,
    InferenceTask,
    MultiInferenceRequest,
    MultiInferenceResponse,
)
from serving.server.loader import Servable, Signature, TensorInfo
from serving.server.predict import DEFAULT_SIGNATURE
from serving.server.regress import regressor_outputs, to_regressions
from serving.server.status import StatusError, invalid


class Method(NamedTuple):
    """What a task may ask for, and the field that its result goes into."""

    outputs: Callable[[Found], list[str]]
    to_result: Callable[[Answered], Any]
    field: str


METHODS = {
    CLASSIFY_METHOD: Method(
        classifier_outputs, to_classifications, "classification_result"
    ),
    REGRESS_METHOD: Method(regressor_outputs, to_regressions, "regression_result"),
}


class Planned(NamedTuple):
    """A task: whose result it gives, and the outputs by alias."""

    task: InferenceTask
    method: Method
    outputs: dict[str, TensorInfo]
    input: TensorInfo


def infer(servable: Servable, request: MultiInferenceRequest) -> MultiInferenceResponse:
    """Answer a MultiInference request, results in its order. Raises StatusError."""
    _check_names(request)
    plan = [_planned(servable, task) for task in request.tasks]
    if len({planned.input.graph_name for planned in plan}) != 1:
        raise invalid("Input tensor must be the same for all Signatures.")
    answered = _run(servable, request, plan)
    response = MultiInferenceResponse()
    for planned in plan:
        outputs = {
            alias: answered.outputs[info.graph_name]
            for alias, info in planned.outputs.items()
        }
        written = planned.method.to_result(Answered(answered.examples, outputs))
        added = response.results.add()
        getattr(added, planned.method.field).CopyFrom(written)
    return response


def _check_names(request: MultiInferenceRequest) -> None:
    seen: set[str] = set()
    for task in request.tasks:
        if not task.model_spec.name:
            raise invalid("Found ModelSpec with an empty model name.")
        if task.model_spec.name != request.tasks[0].model_spec.name:
            raise invalid(
                "All ModelSpecs in a MultiInferenceRequest must access the same model "
                "name."
            )
        if _signature_name(task) in seen:
            raise invalid(f"Duplicate evaluation of signature: {_signature_name(task)}")
        seen.add(_signature_name(task))


def _planned(servable: Servable, task: InferenceTask) -> Planned:
    found = find(
        servable,
        task.model_spec.signature_name,
        "Requested signature not found in model graph",
    )
    method = METHODS.get(task.method_name)
    if method is None:
        raise StatusError(
            StatusCode.UNIMPLEMENTED,
            f"Unsupported signature method_name: {task.method_name}",
        )
    named = method.outputs(found)
    outputs = {alias: found.signature.outputs[alias] for alias in named}
    return Planned(task, method, outputs, found.signature.inputs[INPUTS])


def _run(
    servable: Servable, request: MultiInferenceRequest, plan: list[Planned]
) -> Answered:
    """Run all signatures as if they were one, its outputs named as in the graph."""
    outputs = {info.graph_name: info for info in _outputs(plan)}
    together = Signature({INPUTS: plan[0].input}, outputs)
    return run_examples(
        servable,
        together,
        request.input,
        sorted(outputs),
        model=plan[0].task.model_spec.name,
        api="MultiInference",
    )


def _outputs(plan: list[Planned]) -> Iterator[TensorInfo]:
    for planned in plan:
        yield from planned.outputs.values()


def _signature_name(task: InferenceTask) -> str:
    return task.model_spec.signature_name or DEFAULT_SIGNATURE
