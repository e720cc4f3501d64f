"""Requests to the half-plus-two model, and how they are refused."""

from collections.abc import Callable
from typing import Any

import pytest
from grpc import StatusCode

from serving.server.inference_messages import Example, Input
from serving.server.loader import Servable
from serving.server.metrics import page
from serving.server.status import StatusError

NAME = "half_plus_two"
VERSION = 123


def example(**features: float) -> Example:
    """An example with one number per feature."""
    made = Example()
    for name, value in features.items():
        made.features.feature[name].float_list.value.append(value)
    return made


def examples(*values: float) -> Input:
    """One example for each value of x."""
    made = Input()
    made.example_list.examples.extend(example(x=value) for value in values)
    return made


def asked(kind: type[Any], signature: str, *values: float) -> Any:
    """A classification or regression request."""
    request = kind(input=examples(*values))
    request.model_spec.name = NAME
    request.model_spec.signature_name = signature
    return request


def refused(call: Callable[..., Any], *arguments: Any) -> tuple[StatusCode, str]:
    """The code and the words with which a call is refused."""
    with pytest.raises(StatusError) as caught:
        call(*arguments)
    return caught.value.code, caught.value.message


def watched_runs(
    servable: Servable, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[Any, ...]]:
    """What the graph is asked from now on."""
    runs: list[tuple[Any, ...]] = []
    real = servable.run

    def run(*given: Any) -> Any:
        runs.append(given)
        return real(*given)

    monkeypatch.setattr(servable, "run", run)
    return runs


def metric(name: str, **labels: str) -> float:
    """A number on the page of metrics, 0 if it is not there."""
    pairs = ",".join(f'{label}="{text}"' for label, text in labels.items())
    start = f"{name}{{{pairs}}} "
    found = [line for line in page().splitlines() if line.startswith(start)]
    return float(found[0].removeprefix(start)) if found else 0
