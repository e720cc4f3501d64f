"""GetModelMetadata: which signatures a model has.

As TensorFlow Serving's servables/tensorflow/get_model_metadata_impl.cc, and in its
words.
"""

import json

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

from serving.server.inference_messages import (
    GetModelMetadataRequest,
    GetModelMetadataResponse,
    SignatureDefMap,
)
from serving.server.models import Held
from serving.server.status import invalid

SIGNATURE_DEF = "signature_def"


def check_fields(request: GetModelMetadataRequest) -> None:
    """Refuse to tell anything but the signatures. Raises StatusError."""
    if not request.metadata_field:
        raise invalid(
            "GetModelMetadataRequest must specify at least one metadata_field"
        )
    for field in request.metadata_field:
        if field != SIGNATURE_DEF:
            # TensorFlow Serving fills in no %s either: it appends.
            raise invalid(f"Metadata field %s is not supported{field}")


def describe(held: Held) -> GetModelMetadataResponse:
    """Tell the signatures of a version."""
    response = GetModelMetadataResponse()
    response.model_spec.name = held.name
    response.model_spec.version.value = held.version
    response.metadata[SIGNATURE_DEF].Pack(_signatures(held))
    return response


def describe_json(held: Held) -> str:
    """Tell them in JSON, as model_servers/http_rest_api_util.cc does."""
    told = {
        "model_spec": _fields(describe(held).model_spec),
        "metadata": {SIGNATURE_DEF: _fields(_signatures(held))},
    }
    return json.dumps(told, indent=1)


def _signatures(held: Held) -> SignatureDefMap:
    signatures = SignatureDefMap()
    for name, definition in held.servable.definitions.items():
        signatures.signature_def[name].CopyFrom(definition)
    return signatures


def _fields(message: Message) -> dict[str, object]:
    return MessageToDict(
        message,
        preserving_proto_field_name=True,
        always_print_fields_with_no_presence=True,
    )
