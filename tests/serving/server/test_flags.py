from pathlib import Path

import pytest

from serving.server.batching_parameters import BatchingParameters
from serving.server.flags import parse

BASE = "--model_base_path=/models/m"


def test_flags_are_written_with_or_without_an_equals_sign() -> None:
    flags = parse(["--port", "9000", "--rest_api_port=9001", "--model_name=m", BASE])

    assert (flags.port, flags.rest_api_port) == (9000, 9001)
    assert (flags.model_name, flags.model_base_path) == ("m", Path("/models/m"))


def test_what_is_not_said_is_as_in_tensorflow_serving() -> None:
    flags = parse([BASE])

    assert (flags.port, flags.rest_api_port) == (8500, 0)
    assert flags.model_name == "default"
    assert flags.file_system_poll_wait_seconds == 1


def test_the_server_listens_to_this_machine_only_unless_told() -> None:
    assert parse([BASE]).listen_address == "127.0.0.1"


def test_session_parallelism_sets_both_numbers_of_threads() -> None:
    flags = parse(
        [
            BASE,
            "--tensorflow_session_parallelism=3",
            "--tensorflow_inter_op_parallelism=1",
        ]
    )

    assert flags.tensorflow_intra_op_parallelism == 3
    assert flags.tensorflow_inter_op_parallelism == 1


def test_requests_are_joined_only_if_that_is_wanted(tmp_path: Path) -> None:
    file = tmp_path / "batching.config"
    file.write_text("max_batch_size { value: 8 }")
    said = [BASE, f"--batching_parameters_file={file}", "--enable_batching"]

    assert parse([BASE]).batching is None
    assert parse([BASE, "--enable_batching=false"]).batching is None
    assert parse([BASE, "--enable_batching=true"]).batching == BatchingParameters()
    batching = parse(said).batching
    assert batching is not None
    assert batching.max_batch_size == 8


def test_fewer_bits_are_computed_only_if_that_is_wanted() -> None:
    assert not parse([BASE]).bfloat16
    assert not parse([BASE, "--mixed_precision="]).bfloat16
    assert parse([BASE, "--mixed_precision=bfloat16"]).bfloat16


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model_base_path"),
        ([BASE, "--no_such_flag=1"], "no_such_flag"),
        ([BASE, "--rest_api"], "rest_api"),
        ([BASE, "--port=ten"], "--port"),
        ([BASE, "--port=70000"], "--port"),
        ([BASE, "--tensorflow_session_parallelism=-1"], "parallelism"),
        (["--model_base_path="], "--model_base_path"),
        ([BASE, "--batching_parameters_file=x"], "without setting server_options"),
        (
            [BASE, "--enable_batching", "--batching_parameters_file=/none"],
            "/none; No such file or directory",
        ),
        ([BASE, "--enable_batching=1"], "--enable_batching"),
        ([BASE, "--mixed_precision=float16"], "--mixed_precision"),
    ],
    ids=[
        "no model",
        "unknown",
        "shortened",
        "word",
        "range",
        "negative",
        "empty",
        "no batching",
        "no file",
        "no switch",
        "no precision",
    ],
)
def test_a_wrong_flag_is_named_and_ends_the_process(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err
