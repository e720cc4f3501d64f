from pathlib import Path

import pytest

from serving.server.batching_parameters import (
    BatchingParameters,
    BatchingParametersError,
    read_parameters,
)


def read(tmp_path: Path, text: str) -> BatchingParameters:
    path = tmp_path / "batching.config"
    path.write_text(text)
    return read_parameters(path)


def test_every_parameter_is_read(tmp_path: Path) -> None:
    assert read(
        tmp_path,
        """
        max_batch_size { value: 64 }  # A comment.
        batch_timeout_micros { value: 500 }
        max_enqueued_batches { value: 7 }
        num_batch_threads { value: 3 }
        thread_pool_name { value: "pool" }
        allowed_batch_sizes: 8
        allowed_batch_sizes: 32
        pad_variable_length_inputs: true
        enable_large_batch_splitting { value: true }
        max_execution_batch_size { value: 32 }
        """,
    ) == BatchingParameters(
        max_batch_size=64,
        batch_timeout_micros=500,
        max_enqueued_batches=7,
        num_batch_threads=3,
        thread_pool_name="pool",
        allowed_batch_sizes=(8, 32),
        pad_variable_length_inputs=True,
        enable_large_batch_splitting=True,
        max_execution_batch_size=32,
    )


def test_what_is_not_said_is_as_in_tensorflow_serving(tmp_path: Path) -> None:
    parameters = read(tmp_path, "")

    assert parameters.max_batch_size == parameters.max_execution_batch_size == 1000
    assert parameters.batch_timeout_micros == 0
    assert parameters.max_enqueued_batches == 10
    assert parameters.allowed_batch_sizes == ()


def test_batches_are_as_large_as_requests_unless_these_are_split(
    tmp_path: Path,
) -> None:
    said = "max_batch_size { value: 8 } max_execution_batch_size { value: 2 }"

    assert read(tmp_path, said).max_execution_batch_size == 8


def test_one_batch_may_always_wait(tmp_path: Path) -> None:
    assert read(tmp_path, "max_enqueued_batches {}").max_enqueued_batches == 1


SPLIT = "enable_large_batch_splitting { value: true }"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_batch_size: 3", "Invalid protobuf file: "),
        ("no_such_field: 3", "Invalid protobuf file: "),
        ("num_batch_threads {}", "num_batch_threads must be positive; was 0"),
        ("max_batch_size {}", "max_batch_size must be positive; was 0"),
        ("max_enqueued_batches {}" + SPLIT, "max_enqueued_batches must be positive"),
        ("batch_timeout_micros { value: -1 }", "must be non-negative; was -1"),
        ("max_execution_batch_size { value: 2000 }" + SPLIT, "greater than or equal"),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: 2",
            "must match max_batch_size; last entry was 2; expected 4",
        ),
        (
            "max_batch_size { value: 4 } allowed_batch_sizes: [4, 4]",
            "allowed_batch_sizes entries must be monotonically increasing",
        ),
    ],
)
def test_parameters_that_make_no_batches_are_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    with pytest.raises(BatchingParametersError, match=words):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BatchingParametersError, match="missing; No such file"):
        read_parameters(tmp_path / "missing")
