"""A real server and a real model, and what a client is told when they fail."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serving.client import ServingClient
from serving.errors import (
    ServingBrokenError,
    ServingUnreachableError,
    ServingVersionGoneError,
)
from tests.data import REPOSITORY
from tests.model_server import MODEL, ModelServer
from tests.poison import MARK_RGB

COUNT = 3


@pytest.fixture
def server(exported: Path) -> Iterator[ModelServer]:
    with ModelServer(exported) as started:
        yield started


@pytest.fixture
def asker(server: ModelServer) -> Iterator[ServingClient]:
    with ServingClient(server.address, MODEL, timeout_s=5, connect_timeout_s=1) as made:
        yield made


def tiles(client: ServingClient, count: int = COUNT) -> np.ndarray:
    side = client.describe().contract.tile_side_px
    pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3))
    return pixels.astype(np.uint8)


def test_a_field_is_answered_from_tiles_to_attention(client: ServingClient) -> None:
    contract, version = client.describe()
    embeddings = client.embed(tiles(client), version=version)
    answer = client.aggregate(embeddings, version=version)

    assert version == 2
    assert embeddings.shape == (COUNT, contract.embedding_dim)
    assert 0 <= answer.probability <= 1
    assert len(set(answer.attention.tolist())) == COUNT


def test_a_tile_is_embedded_alike_in_any_batch(client: ServingClient) -> None:
    pixels = tiles(client, 5)

    together = client.embed(pixels, version=2)
    apart = [client.embed(pixels[i : i + 1], version=2)[0] for i in range(5)]
    assert np.allclose(together, apart, atol=1e-5)


def test_a_version_that_is_not_served_is_gone(client: ServingClient) -> None:
    with pytest.raises(ServingVersionGoneError, match=r"Specific\(tiny-mil, 1\)"):
        client.embed(tiles(client), version=1)


def test_another_model_is_unreachable(shared_server: ModelServer) -> None:
    with (
        ServingClient(
            shared_server.address, "other", timeout_s=5, connect_timeout_s=1
        ) as asker,
        pytest.raises(ServingUnreachableError, match=r"Latest\(other\)"),
    ):
        asker.describe()


def test_a_poison_tile_kills_the_server_and_counts(
    server: ModelServer, asker: ServingClient
) -> None:
    good = tiles(asker)
    poison = good.copy()
    poison[1, :8, :8] = MARK_RGB
    before = asker.embed(good, version=2)

    with pytest.raises(ServingBrokenError):
        asker.embed(poison, version=2)
    assert server.wait() == -signal.SIGABRT
    with pytest.raises((ServingUnreachableError, ServingBrokenError)):
        asker.embed(good, version=2)  # Broken: the socket may outlive the process.
    with pytest.raises(ServingUnreachableError):
        asker.embed(good, version=2)

    server.start()
    wait_until_reached(asker)
    assert np.allclose(asker.embed(good, version=2), before, atol=1e-5)


def wait_until_reached(asker: ServingClient) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            asker.describe()
        except ServingUnreachableError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the client never found the restarted server")


def test_a_frozen_server_breaks_at_the_deadline(server: ModelServer) -> None:
    with ServingClient(
        server.address, MODEL, timeout_s=0.5, connect_timeout_s=0.4
    ) as asker:
        asker.describe()
        server.send(signal.SIGSTOP)
        with pytest.raises(ServingBrokenError, match="DEADLINE_EXCEEDED"):
            asker.describe()
        server.send(signal.SIGCONT)
        assert asker.describe().version == 2


def test_a_server_killed_between_calls_is_found_again(
    server: ModelServer, asker: ServingClient
) -> None:
    asker.describe()
    server.stop(signal.SIGKILL)
    with pytest.raises(ServingUnreachableError):
        asker.describe()

    server.start()
    wait_until_reached(asker)


def test_a_server_that_is_frozen_before_connecting_is_unreachable(
    server: ModelServer,
) -> None:
    server.send(signal.SIGSTOP)

    with (
        ServingClient(
            server.address, MODEL, timeout_s=20, connect_timeout_s=0.3
        ) as asker,
        pytest.raises(ServingUnreachableError),
    ):
        asker.describe()


def test_threads_may_share_a_client(client: ServingClient) -> None:
    pixels = tiles(client, 8)
    alone = client.embed(pixels, version=2)
    answers: list[np.ndarray] = []

    def ask() -> None:
        answers.extend(client.embed(pixels, version=2) for _ in range(10))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 40
    assert all(np.allclose(answer, alone, atol=1e-5) for answer in answers)


def test_a_forked_child_may_use_a_client_that_it_connects_itself(
    shared_server: ModelServer,
) -> None:
    code = (
        "import os, sys; from serving.client import ServingClient;"
        "client = ServingClient(sys.argv[1], sys.argv[2], timeout_s=9,"
        "                       connect_timeout_s=5);"
        "pid = os.fork();"
        "client.describe();"
        "status = 0 if pid == 0 else os.waitpid(pid, 0)[1];"
        "os._exit(1 if status else 0)"
    )
    subprocess.run(
        [sys.executable, "-c", code, shared_server.address, MODEL],
        cwd=REPOSITORY,
        check=True,
        timeout=60,
    )


def test_a_unix_socket_serves_too(exported: Path, tmp_path: Path) -> None:
    socket = tmp_path / "s"
    with (
        ModelServer(exported, MODEL, f"--grpc_socket_path={socket}"),
        ServingClient(
            f"unix:{socket}", MODEL, timeout_s=5, connect_timeout_s=1
        ) as asker,
    ):
        assert asker.describe().version == 2
