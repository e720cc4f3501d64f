import pytest
from grpc import StatusCode

from serving.server.inference_messages import RegressionRequest
from serving.server.loader import Servable
from serving.server.regress import regress
from tests.serving.server.inferring import asked, refused


@pytest.mark.parametrize("signature", ["regress_x_to_y", "flat"])
def test_every_example_gets_a_number(servable: Servable, signature: str) -> None:
    result = regress(servable, asked(RegressionRequest, signature, 2.0, 80.0))

    assert [regression.value for regression in result.regressions] == [3.0, 42.0]


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ("none", "No signature was found with the name: none"),
        (
            "classify_x_to_y",
            (
                "Expected regression signature method_name to be "
                "tensorflow/serving/regress. Was: tensorflow/serving/classify"
            ),
        ),
        ("regress_inputs", "Expected one input Tensor."),
        ("regress_two", "Expected one output Tensor."),
        ("regress_input", "No regression inputs found in SignatureDef: inputs {"),
        ("regress_misnamed", "No regression outputs found in SignatureDef: inputs {"),
        (
            "regress_cube",
            (
                "Expected output Tensor shape to be either [batch_size] or "
                "[batch_size, 1] but got [2,1,1]"
            ),
        ),
        ("regress_whole", "Expected output Tensor of DT_FLOAT.  Got: DT_INT32"),
        (
            "regress_first",
            "Input batch size did not match output batch size: 2 vs. 1",
        ),
    ],
)
def test_what_is_no_regressor_is_refused_as_in_regressor_cc(
    servable: Servable, signature: str, words: str
) -> None:
    request = asked(RegressionRequest, signature, 1.0, 2.0)
    code, message = refused(regress, servable, request)

    assert code is StatusCode.INVALID_ARGUMENT
    assert words in message
