"""One tiny real model for all tests of this folder; a server where a test wants one."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.client import ServingClient
from tests.model_server import MODEL, ModelServer, export_tiny_model


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two versions of the tiny model; link or copy them, do not change them."""
    base_path = tmp_path_factory.mktemp("exported") / MODEL
    export_tiny_model(base_path, 1)
    export_tiny_model(base_path, 2)
    return base_path


@pytest.fixture(scope="session")
def shared_server(exported: Path) -> Iterator[ModelServer]:
    """A server of version 2 that no test may kill."""
    with ModelServer(exported) as server:
        yield server


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A key, and the certificate of 127.0.0.1 that it signed itself."""
    openssl = shutil.which("openssl")
    if openssl is None:  # No package of ours makes one; a kept key would be a secret.
        pytest.skip("openssl is not installed")
    key, made = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=serving", "-addext", "subjectAltName=IP:127.0.0.1"),
            *("-keyout", str(key), "-out", str(made)),
        ],
        check=True,
        capture_output=True,
    )
    return key, made


@pytest.fixture
def client(shared_server: ModelServer) -> Iterator[ServingClient]:
    """A client of the shared server."""
    with ServingClient(
        shared_server.address, MODEL, timeout_s=30, connect_timeout_s=5
    ) as made:
        yield made
