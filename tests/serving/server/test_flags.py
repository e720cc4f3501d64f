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
    assert flags.model_config_file is None
    assert flags.model_config_file_poll_wait_seconds == 0
    assert not flags.allow_version_labels_for_unavailable_models
    assert flags.max_num_load_retries == 5
    assert flags.load_retry_interval_micros == 60_000_000


def test_a_config_file_needs_no_base_path() -> None:
    flags = parse(["--model_config_file=/models/models.config"])

    assert flags.model_config_file == Path("/models/models.config")
    assert flags.model_base_path is None


@pytest.mark.parametrize(
    ("written", "read"),
    [("", True), ("=true", True), ("=1", True), ("=false", False), ("=0", False)],
)
def test_a_switch_may_be_the_name_alone(written: str, read: object) -> None:
    flags = parse([BASE, f"--allow_version_labels_for_unavailable_models{written}"])

    assert flags.allow_version_labels_for_unavailable_models is read


def test_some_flags_are_taken_and_change_nothing() -> None:
    taken = ["--num_load_threads=2", "--flush_filesystem_caches=false"]

    assert parse([BASE, *taken]) == parse([BASE])


def test_help_names_every_flag_as_the_real_server_does(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["--help"])
    said = capsys.readouterr().out

    assert caught.value.code == 0
    assert said.startswith("usage: serving.server\nFlags:\n\t--port=8500 ")
    for default in ('model_name="default"', 'model_config_file=""', "version=false"):
        assert f"\t--{default} " in said
    assert "\tbool\tAccepted, and without effect here.\n" in said


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(["--version"])

    assert caught.value.code == 0
    assert "TensorFlow Library: 2." in capsys.readouterr().out


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


def test_channel_arguments_are_words_and_numbers() -> None:
    said = "grpc.max_connection_age_ms=2000,grpc.lb_policy_name=grpclb"

    assert parse([BASE]).grpc_channel_arguments == ()
    assert parse([BASE, f"--grpc_channel_arguments={said}"]).grpc_channel_arguments == (
        ("grpc.max_connection_age_ms", 2000),
        ("grpc.lb_policy_name", "grpclb"),
    )


def test_fewer_bits_are_computed_only_if_that_is_wanted() -> None:
    assert not parse([BASE]).bfloat16
    assert not parse([BASE, "--mixed_precision="]).bfloat16
    assert parse([BASE, "--mixed_precision=bfloat16"]).bfloat16


@pytest.mark.parametrize(
    ("written", "on"),
    [("", True), ("=true", True), ("=False", False), (None, False)],
)
@pytest.mark.parametrize(
    "name",
    ["enable_serialization_as_tensor_content", "enable_grpc_healthcheck_service"],
)
def test_a_switch_is_off_unless_named(
    name: str, written: str | None, *, on: bool
) -> None:
    arguments = [] if written is None else [f"--{name}{written}"]

    assert getattr(parse([*arguments, BASE]), name) is on


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--model_base_path"),
        ([BASE, "--no_such_flag=1"], "no_such_flag"),
        ([BASE, "--rest_api"], "rest_api"),
        ([BASE, "--port=ten"], "--port"),
        ([BASE, "--port=70000"], "--port"),
        ([BASE, "--tensorflow_session_parallelism=-1"], "parallelism"),
        ([BASE, "--enable_grpc_healthcheck_service=maybe"], "healthcheck"),
        (["--model_base_path="], "--model_base_path"),
        ([BASE, "--file_system_poll_wait_seconds=-1"], "poll_wait"),
        ([BASE, "--model_config_file_poll_wait_seconds=inf"], "poll_wait"),
        ([BASE, "--flush_filesystem_caches=perhaps"], "flush"),
        ([BASE, "--batching_parameters_file=x"], "without setting server_options"),
        (
            [BASE, "--enable_batching", "--batching_parameters_file=/none"],
            "/none; No such file or directory",
        ),
        ([BASE, "--mixed_precision=float16"], "--mixed_precision"),
        ([BASE, "--grpc_channel_arguments=grpc.x"], "channel_arguments"),
    ],
    ids=[
        *("no model", "unknown", "shortened", "word", "range", "negative"),
        *("switch", "empty", "poll backwards", "poll never", "no switch"),
        *("no batching", "no file", "no precision", "no argument"),
    ],
)
def test_a_wrong_flag_is_named_and_ends_the_process(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        parse(arguments)
    assert caught.value.code == 2
    assert words in capsys.readouterr().err
