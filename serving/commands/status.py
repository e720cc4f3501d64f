"""`status`: which versions of a model a server has, and how they are."""

import argparse
from typing import Any

import grpc
from rich.console import Console
from rich.table import Table

from serving.messages import (
    GET_MODEL_STATUS,
    GetModelStatusRequest,
    GetModelStatusResponse,
    ModelSpec,
    ModelVersionStatus,
)

DEADLINE_S = 5.0
UNREACHABLE = 3


def run(asked: argparse.Namespace, said: Console, told: Console) -> int:
    """Print a table; 0 if a version can be asked."""
    request = GetModelStatusRequest(model_spec=ModelSpec(name=asked.model))
    with grpc.insecure_channel(asked.address) as channel:
        call = channel.unary_unary(
            GET_MODEL_STATUS,
            request_serializer=GetModelStatusRequest.SerializeToString,
            response_deserializer=GetModelStatusResponse.FromString,
        )
        try:
            response = call(request, timeout=DEADLINE_S)
        except grpc.RpcError as error:
            return _say_why(error, asked.address, told)
    table = Table("version", "state", "error")
    for version in response.model_version_status:
        state = ModelVersionStatus.State.Name(version.state)
        table.add_row(str(version.version), state, version.status.error_message)
    said.print(table)
    states = [version.state for version in response.model_version_status]
    return 0 if ModelVersionStatus.AVAILABLE in states else 1


def _say_why(error: Any, address: str, told: Console) -> int:
    if error.code() is grpc.StatusCode.NOT_FOUND:
        told.print(error.details(), markup=False)
        return 1
    words = f"{address} cannot be reached: {error.code().name}: {error.details()}"
    told.print(words, markup=False)
    return UNREACHABLE
