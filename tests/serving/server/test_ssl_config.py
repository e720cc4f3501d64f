"""An encrypted port, from a file as TensorFlow Serving's."""

from pathlib import Path

import grpc
import pytest

from serving.messages import GET_MODEL_STATUS, GetModelStatusRequest
from serving.server.grpc_api import make_server
from serving.server.models import Models
from serving.server.ssl_config import read_credentials
from tests.model_server import free_port


def test_without_a_file_nothing_is_encrypted() -> None:
    assert read_credentials(None) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [("server_key: 3", "Invalid protobuf file"), ("", "lacks server_key")],
)
def test_a_file_that_proves_nothing_is_refused(
    tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "ssl.config"
    file.write_text(text)
    with pytest.raises(OSError, match=words):
        read_credentials(file)


def test_whoever_trusts_the_certificate_is_answered(
    models: Models, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    key, made = (path.read_text() for path in certificate)
    file = tmp_path / "ssl.config"
    pems = [text.replace("\n", "\\n") for text in (key, made)]
    file.write_text(f'server_key: "{pems[0]}"\nserver_cert: "{pems[1]}"')
    address = f"127.0.0.1:{free_port()}"
    server = make_server(
        models,
        addresses=[address],
        threads=2,
        credentials=read_credentials(file),
        options=[("grpc.max_connection_age_ms", 2000)],
    )
    server.start()
    request = GetModelStatusRequest()
    request.model_spec.name = "echo"
    asked = request.SerializeToString()
    try:
        trusted = grpc.ssl_channel_credentials(made.encode())
        with grpc.secure_channel(address, trusted) as channel:
            assert channel.unary_unary(GET_MODEL_STATUS)(asked, timeout=30)
        with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError):
            channel.unary_unary(GET_MODEL_STATUS)(asked, timeout=5)
    finally:
        server.stop(0).wait()
