import pytest
from grpc import StatusCode

from serving.server.inference_messages import (
    CLASSIFY_METHOD,
    REGRESS_METHOD,
    MultiInferenceRequest,
)
from serving.server.loader import Servable
from serving.server.multi_inference import infer
from tests.serving.server.inferring import NAME, examples, refused, watched_runs

CLASSIFIER = ("classify_x_to_y", CLASSIFY_METHOD)
REGRESSOR = ("regress_x2_to_y", REGRESS_METHOD)


def multi(*tasks: tuple[str, str]) -> MultiInferenceRequest:
    request = MultiInferenceRequest(input=examples(2.0, 4.0))
    for signature, method in tasks:
        task = request.tasks.add(method_name=method)
        task.model_spec.name = NAME
        task.model_spec.signature_name = signature
    return request


def test_every_task_gets_its_result_in_order(servable: Servable) -> None:
    response = infer(servable, multi(REGRESSOR, CLASSIFIER))

    regressed, classified = response.results
    assert [one.value for one in regressed.regression_result.regressions] == [2.0, 2.0]
    assert [
        one.classes[0].score for one in classified.classification_result.classifications
    ] == [3.0, 4.0]


def test_the_graph_runs_once_for_all_tasks(
    servable: Servable, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = watched_runs(servable, monkeypatch)
    infer(servable, multi(REGRESSOR, CLASSIFIER))

    assert len(runs) == 1


@pytest.mark.parametrize(
    ("tasks", "code", "words"),
    [
        (
            [CLASSIFIER, CLASSIFIER],
            "INVALID_ARGUMENT",
            "Duplicate evaluation of signature: classify_x_to_y",
        ),
        (
            [("none", CLASSIFY_METHOD)],
            "INVALID_ARGUMENT",
            "Requested signature not found in model graph: none",
        ),
        (
            [("regress_x_to_y", CLASSIFY_METHOD)],
            "INVALID_ARGUMENT",
            "Expected classification signature method_name to be",
        ),
        (
            [("", "tensorflow/serving/predict")],
            "UNIMPLEMENTED",
            "Unsupported signature method_name: tensorflow/serving/predict",
        ),
        (
            [CLASSIFIER, ("regress_others", REGRESS_METHOD)],
            "INVALID_ARGUMENT",
            "Input tensor must be the same for all Signatures.",
        ),
    ],
)
def test_tasks_that_do_not_go_together_are_refused_as_in_multi_inference_cc(
    servable: Servable, tasks: list[tuple[str, str]], code: str, words: str
) -> None:
    answered, message = refused(infer, servable, multi(*tasks))

    assert answered.name == code
    assert words in message


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "Found ModelSpec with an empty model name."),
        (
            "other",
            (
                "All ModelSpecs in a MultiInferenceRequest must access the same model "
                "name."
            ),
        ),
    ],
)
def test_all_tasks_name_one_model(servable: Servable, name: str, words: str) -> None:
    request = multi(CLASSIFIER, REGRESSOR)
    request.tasks[1].model_spec.name = name

    assert refused(infer, servable, request) == (StatusCode.INVALID_ARGUMENT, words)
