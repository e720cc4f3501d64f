"""Whether a loaded model has the signatures that its contract promises."""

from collections.abc import Mapping
from typing import Any

from serving.contract import (
    ContractError,
    ModelContract,
    SignatureSpec,
    TensorSpec,
    signatures,
)
from serving.server.loader import Servable

UNKNOWN_RANK = (-1,)  # Equal to no shape that a contract promises.


def check_signatures(contract: ModelContract, servable: Servable) -> None:
    """Raises ContractError that names the first signature that differs."""
    found = {
        name: SignatureSpec(_specs(signature.inputs), _specs(signature.outputs))
        for name, signature in servable.signatures.items()
    }
    promised = signatures(contract)
    for name in sorted(found.keys() | promised.keys()):
        if found.get(name) != promised.get(name):
            raise ContractError(
                f"signature {name} is {found.get(name)}, "
                f"the contract says {promised.get(name)}"
            )


def _specs(tensors: Mapping[str, Any]) -> dict[str, TensorSpec]:
    return {
        alias: TensorSpec(
            tensor.dtype_name,
            UNKNOWN_RANK
            if tensor.shape is None
            else tuple(None if size == -1 else size for size in tensor.shape),
        )
        for alias, tensor in tensors.items()
    }
