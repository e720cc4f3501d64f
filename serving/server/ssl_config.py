"""--ssl_config_file: the key and the certificates of an encrypted gRPC port.

The message is that of TensorFlow Serving's config/ssl_config.proto; its fields hold
PEM texts, not paths.
"""

from pathlib import Path

import grpc
from google.protobuf.text_format import Parse, ParseError

from serving.server.dynamic_messages import message_classes

CLASSES = message_classes("""
    name: "tensorflow_serving/config/ssl_config.proto"
    package: "tensorflow.serving"
    syntax: "proto3"
    message_type {
      name: "SSLConfig"
      field { name: "server_key" number: 1 type: TYPE_STRING label: LABEL_OPTIONAL }
      field { name: "server_cert" number: 2 type: TYPE_STRING label: LABEL_OPTIONAL }
      field { name: "custom_ca" number: 3 type: TYPE_STRING label: LABEL_OPTIONAL }
      field { name: "client_verify" number: 4 type: TYPE_BOOL label: LABEL_OPTIONAL }
    }
""")
SSLConfig = CLASSES["tensorflow.serving.SSLConfig"]


def read_credentials(file: Path | None) -> grpc.ServerCredentials | None:
    """What the TCP port proves itself with; None without a file. Raises OSError."""
    if file is None:
        return None
    try:
        config = Parse(file.read_text(encoding="utf-8"), SSLConfig())
    except (ParseError, UnicodeDecodeError) as error:
        raise OSError(f"Invalid protobuf file: '{file}': {error}") from error
    if not config.server_key or not config.server_cert:
        raise OSError(f"'{file}' lacks server_key or server_cert")
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )
