import pytest
from grpc import StatusCode

from serving.server.classify import classify
from serving.server.inference_messages import ClassificationRequest, Input
from serving.server.loader import Servable
from tests.serving.server.inferring import asked, example, refused


def classes(servable: Servable, request: ClassificationRequest) -> list[object]:
    result = classify(servable, request)
    return [
        [(one.label, one.score) for one in classifications.classes]
        for classifications in result.classifications
    ]


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("classify_x_to_y", [[("", 3.0)], [("", 12.0)]]),
        ("labels", [[("2.0", 0.0)], [("20.0", 0.0)]]),
        ("both", [[("2.0", 3.0), ("2.0", 2.0)], [("20.0", 12.0), ("20.0", 2.0)]]),
    ],
)
def test_every_example_gets_the_classes_and_scores_there_are(
    servable: Servable, signature: str, expected: list[object]
) -> None:
    request = asked(ClassificationRequest, signature, 2.0, 20.0)

    assert classes(servable, request) == expected


def test_a_context_counts_for_every_example(servable: Servable) -> None:
    given = Input()
    given.example_list_with_context.context.CopyFrom(example(x2=6))
    given.example_list_with_context.examples.extend([example(x=2), example(x=4)])
    request = asked(ClassificationRequest, "both")
    request.input.CopyFrom(given)

    assert classes(servable, request) == [
        [("2.0", 3.0), ("2.0", 5.0)],
        [("4.0", 4.0), ("4.0", 5.0)],
    ]


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("none", "No signature was found with the name: none"),
        ("", "method_name to be tensorflow/serving/classify. Was: tensorflow/serving/"),
        (
            "regress_x_to_y",
            (
                "Expected classification signature method_name to be "
                "tensorflow/serving/classify. Was: tensorflow/serving/regress"
            ),
        ),
        ("classify_inputs", "Expected one input Tensor."),
        ("classify_three", "Expected one or two output Tensors, found 3"),
        ("classify_input", "No classification inputs found in SignatureDef: inputs {"),
        (
            "classify_misnamed",
            (
                "Expected classification signature outputs to contain at least one of "
                '"classes" or "scores". Signature was: inputs {'
            ),
        ),
        (
            "classify_flat",
            "Expected Tensor shape: [batch_size num_classes] but got [2]",
        ),
        ("classify_whole", "Expected scores Tensor of DT_FLOAT. Got: DT_INT32"),
        ("classify_first", "Expected scores output batch size of 2. Got: 1"),
        (
            "classify_uneven",
            "Tensors class and score should match in dim_size(1). Got 1 vs. 2",
        ),
    ],
)
def test_what_is_no_classifier_is_refused_as_in_classifier_cc(
    servable: Servable, signature: str, words: str
) -> None:
    request = asked(ClassificationRequest, signature, 1.0, 2.0)
    code, message = refused(classify, servable, request)

    assert code is StatusCode.INVALID_ARGUMENT
    assert words in message


@pytest.mark.parametrize("field", ["", "example_list", "example_list_with_context"])
def test_no_example_is_refused_as_in_util_cc(servable: Servable, field: str) -> None:
    request = asked(ClassificationRequest, "classify_x_to_y")
    request.input.Clear()
    if field:
        getattr(request.input, field).SetInParent()

    assert refused(classify, servable, request) == (
        StatusCode.INVALID_ARGUMENT,
        "Input is empty.",
    )


def test_an_example_that_the_graph_cannot_parse_is_refused(servable: Servable) -> None:
    request = asked(ClassificationRequest, "classify_x_to_y")
    request.input.example_list.examples.append(example(z=1))

    code, message = refused(classify, servable, request)
    assert code is StatusCode.INVALID_ARGUMENT
    assert "x" in message
