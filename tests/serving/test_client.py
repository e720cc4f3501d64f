import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import numpy as np
import pytest

from serving.client import ServingClient
from serving.contract import AGGREGATE, DESCRIBE, EMBED
from serving.errors import (
    ServingBrokenError,
    ServingError,
    ServingRejectedError,
    ServingUnreachableError,
    ServingVersionGoneError,
)
from serving.messages import DataType, TensorProto
from tests.data import REPOSITORY
from tests.model_server import free_port
from tests.serving.contracts import SMALL
from tests.serving.fake_model import FakeModel, numbers, shape, text

SIDE = SMALL.tile_side_px
DIM = SMALL.embedding_dim
TILES = np.arange(2 * SIDE * SIDE * 3, dtype=np.uint8).reshape(2, SIDE, SIDE, 3)
BAG = np.ones((2, DIM), np.float32)


@pytest.fixture
def fake() -> Iterator[FakeModel]:
    with FakeModel() as model:
        yield model


@pytest.fixture
def asker(fake: FakeModel) -> Iterator[ServingClient]:
    with ServingClient(
        f"127.0.0.1:{fake.port}", "tiny-mil", timeout_s=10, connect_timeout_s=2
    ) as made:
        yield made


def test_importing_the_client_does_not_run_tensorflow() -> None:
    code = (
        "import resource, sys, time; start = time.process_time();"
        "import serving.client;"
        "print(time.process_time() - start);"
        "print(open('/proc/self/statm').read().split()[1]);"
        "print(hasattr(sys.modules.get('tensorflow'), '__version__'),"
        "      'tensorflow.python' in sys.modules, 'keras' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    )
    cpu_s, pages, loaded = done.stdout.splitlines()
    assert loaded == "False False False"
    assert int(pages) * os.sysconf("SC_PAGE_SIZE") < 80e6
    assert float(cpu_s) < 2  # 0.2 s; TensorFlow itself takes 2 s of an idle core.


def test_tensorflow_can_still_be_imported_whole_afterwards() -> None:
    code = (
        "import serving.client, tensorflow as tf;"
        "assert tf.constant(1) + 1 == 2;"
        "assert tf.make_ndarray(tf.make_tensor_proto([1, 2])).sum() == 3"
    )
    subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, check=True, capture_output=True
    )


def test_a_model_is_described_with_the_version_that_answered(
    asker: ServingClient,
) -> None:
    assert asker.describe() == (SMALL, 3)


def test_pixels_travel_as_they_are(fake: FakeModel, asker: ServingClient) -> None:
    embeddings = asker.embed(TILES, version=3)

    sent = fake.requests[-1].inputs["tiles"]
    assert sent.tensor_content == TILES.tobytes()
    assert fake.requests[-1].model_spec.version.value == 3
    assert embeddings.tolist() == np.ones((2, DIM)).tolist()
    assert embeddings.dtype == np.float32


def test_a_transposed_view_travels_in_its_own_order(
    fake: FakeModel, asker: ServingClient
) -> None:
    flipped = TILES[:, ::-1]

    asker.embed(flipped, version=3)
    assert fake.requests[-1].inputs["tiles"].tensor_content == flipped.tobytes()


def test_a_bag_is_answered_with_one_weight_per_tile(asker: ServingClient) -> None:
    answer = asker.aggregate(BAG, version=3)

    assert (answer.probability, answer.tissue) == (0.25, 1.0)
    assert (answer.interval_low, answer.interval_high) == (0.125, 0.5)
    assert answer.attention.tolist() == [0.5, 0.5]


def test_the_contract_is_asked_for_once(fake: FakeModel, asker: ServingClient) -> None:
    for _ in range(3):
        asker.embed(TILES, version=3)

    asked = [request.model_spec.signature_name for request in fake.requests]
    assert asked == [DESCRIBE, EMBED, EMBED, EMBED]


@pytest.mark.parametrize(
    "wrong",
    [
        TILES[0],
        TILES[:, :-1],
        TILES[..., :1],
        TILES[:0],
        TILES.astype(np.float32),
        TILES.astype(np.int8),
        TILES[np.newaxis],
    ],
    ids=["rank 3", "height", "channels", "none", "float", "signed", "rank 5"],
)
def test_wrong_tiles_never_leave(
    fake: FakeModel, asker: ServingClient, wrong: Any
) -> None:
    asker.describe()

    with pytest.raises(ServingRejectedError, match="not asked"):
        asker.embed(wrong, version=3)
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        BAG[0],
        BAG[:, :-1],
        BAG[:0],
        BAG.astype(np.float64),
        BAG * np.float32("nan"),
        np.repeat(BAG, SMALL.max_tiles, axis=0),
    ],
    ids=["rank 1", "narrow", "none", "float64", "nan", "too many"],
)
def test_a_wrong_bag_never_leaves(
    fake: FakeModel, asker: ServingClient, wrong: Any
) -> None:
    asker.describe()

    with pytest.raises(ServingRejectedError, match="not asked"):
        asker.aggregate(wrong, version=3)
    assert len(fake.requests) == 1


def test_a_batch_too_large_for_a_message_never_leaves(
    fake: FakeModel, asker: ServingClient
) -> None:
    asker.describe()
    huge = np.broadcast_to(TILES[:1], (200_000, SIDE, SIDE, 3))

    with pytest.raises(ServingRejectedError, match="not asked"):
        asker.embed(huge, version=3)
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (numbers(np.full((2, DIM), math.nan)), "NaN or infinity"),
        (numbers(np.full((2, DIM), math.inf)), "NaN or infinity"),
        (numbers(np.ones((2, DIM + 1))), "promised"),
        (numbers(np.ones((3, DIM))), "3 answers for 2"),
        (numbers(np.ones(2 * DIM)), "promised"),
        (TensorProto(dtype=DataType.Value("DT_DOUBLE"), double_val=[1]), "DT_DOUBLE"),
        (
            TensorProto(
                dtype=DataType.Value("DT_FLOAT"),
                tensor_shape=shape(2, DIM),
                float_val=[1],
            ),
            "1 numbers answered",
        ),
        (
            TensorProto(
                dtype=DataType.Value("DT_FLOAT"),
                tensor_shape=shape(2, DIM),
                tensor_content=b"123",
            ),
            "bytes",
        ),
    ],
    ids=["nan", "inf", "wide", "long", "flat", "dtype", "few", "short"],
)
def test_nonsense_for_embeddings_is_rejected(
    fake: FakeModel, asker: ServingClient, answer: TensorProto, words: str
) -> None:
    fake.answers[EMBED] = lambda _: {"embeddings": answer}

    with pytest.raises(ServingRejectedError, match=words):
        asker.embed(TILES, version=3)


def test_raw_answers_are_read_too(fake: FakeModel, asker: ServingClient) -> None:
    raw = TensorProto(
        dtype=DataType.Value("DT_FLOAT"),
        tensor_shape=shape(2, DIM),
        tensor_content=BAG.tobytes(),
    )
    fake.answers[EMBED] = lambda _: {"embeddings": raw}

    assert asker.embed(TILES, version=3).tolist() == BAG.tolist()


@pytest.mark.parametrize(
    ("name", "answer", "words"),
    [
        ("probability", numbers(1.5), "1.5 answered"),
        ("probability", numbers(math.nan), "NaN"),
        ("probability", numbers([0.5]), "promised"),
        ("tissue", numbers(-0.1), "answered for a number"),
        ("attention", numbers([0.5, 0.4]), "do not sum to 1"),
        ("attention", numbers([1.5, -0.5]), "do not sum to 1"),
        ("attention", numbers([1.0]), "1 answers for 2"),
        ("attention", None, "no attention in the answer"),
        ("interval_low", numbers(0.375), "an interval from 0.375 to 0.5 around"),
        ("interval_high", numbers(0.1875), "an interval from 0.125 to 0.1875 around"),
        ("interval_high", numbers(1.5), "1.5 answered"),
        ("interval_low", numbers(math.nan), "NaN"),
        ("interval_low", None, "no interval_low in the answer"),
    ],
    ids=[
        "above",
        "nan",
        "rank",
        "below",
        "sum",
        "negative",
        "few",
        "missing",
        "interval above",
        "interval below",
        "interval beyond",
        "interval of nan",
        "no interval",
    ],
)
def test_nonsense_for_a_bag_is_rejected(
    fake: FakeModel,
    asker: ServingClient,
    name: str,
    answer: TensorProto | None,
    words: str,
) -> None:
    right = fake.answers[AGGREGATE]

    def wrong(request: Any) -> dict[str, TensorProto]:
        outputs = right(request)
        del outputs[name]
        return outputs if answer is None else {**outputs, name: answer}

    fake.answers[AGGREGATE] = wrong
    with pytest.raises(ServingRejectedError, match=words):
        asker.aggregate(BAG, version=3)


@pytest.mark.parametrize(
    "answer",
    [
        text("{}"),
        text(""),
        numbers(1.0),
        TensorProto(dtype=DataType.Value("DT_STRING"), tensor_shape=shape()),
    ],
    ids=["object", "empty", "number", "none"],
)
def test_a_model_without_a_contract_is_rejected(
    fake: FakeModel, asker: ServingClient, answer: TensorProto
) -> None:
    fake.answers[DESCRIBE] = lambda _: {"contract": answer}

    with pytest.raises(ServingRejectedError):
        asker.describe()


def test_a_model_of_another_release_is_waited_for(
    fake: FakeModel, asker: ServingClient
) -> None:
    written = SMALL.to_json().replace('"schema": 2', '"schema": 1')
    fake.answers[DESCRIBE] = lambda _: {"contract": text(written)}

    with pytest.raises(ServingUnreachableError, match="schema is 1, not 2"):
        asker.describe()


def test_another_version_than_asked_is_rejected(
    fake: FakeModel, asker: ServingClient
) -> None:
    asker.describe()
    fake.version = 4

    with pytest.raises(ServingRejectedError, match="version 4 answered for 3"):
        asker.embed(TILES, version=3)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.UNAVAILABLE, ServingBrokenError),
        (grpc.StatusCode.INTERNAL, ServingBrokenError),
        (grpc.StatusCode.UNKNOWN, ServingBrokenError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, ServingBrokenError),
        (grpc.StatusCode.NOT_FOUND, ServingVersionGoneError),
        (grpc.StatusCode.INVALID_ARGUMENT, ServingRejectedError),
        (grpc.StatusCode.FAILED_PRECONDITION, ServingRejectedError),
        (grpc.StatusCode.UNIMPLEMENTED, ServingRejectedError),
    ],
)
def test_a_failed_call_says_whether_asking_again_helps(
    fake: FakeModel,
    asker: ServingClient,
    code: grpc.StatusCode,
    expected: type[ServingError],
) -> None:
    asker.describe()
    fake.refusal = (code, "no")

    with pytest.raises(expected, match=code.name) as caught:
        asker.embed(TILES, version=3)
    assert type(caught.value) is expected


def test_a_model_that_is_not_loaded_yet_is_unreachable(
    fake: FakeModel, asker: ServingClient
) -> None:
    fake.refusal = (grpc.StatusCode.NOT_FOUND, "Servable not found for request")

    with pytest.raises(ServingUnreachableError):
        asker.describe()


def test_a_hanging_model_breaks_at_the_deadline(fake: FakeModel) -> None:
    fake.hang.clear()

    with (
        ServingClient(
            f"127.0.0.1:{fake.port}", "x", timeout_s=0.3, connect_timeout_s=0.2
        ) as asker,
        pytest.raises(ServingBrokenError, match="DEADLINE_EXCEEDED"),
    ):
        asker.describe()
    assert len(fake.requests) == 1


@pytest.mark.parametrize("ask", ["describe", "embed", "aggregate"])
def test_nobody_there_costs_nothing(ask: str) -> None:
    asks: dict[str, Callable[[ServingClient], object]] = {
        "describe": lambda asker: asker.describe(),
        "embed": lambda asker: asker.embed(TILES, version=3),
        "aggregate": lambda asker: asker.aggregate(BAG, version=3),
    }
    with (
        ServingClient(
            f"127.0.0.1:{free_port()}", "x", timeout_s=10, connect_timeout_s=1
        ) as asker,
        pytest.raises(ServingUnreachableError),
    ):
        asks[ask](asker)
