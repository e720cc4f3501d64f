"""The models whose answers may be recorded: registered by the hash of their files."""

import hashlib
import json
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction

from predictions.models import ModelVersion
from predictions.services.audit import record_event
from predictions.services.errors import ConflictError, ServiceError

CONTRACT = Path("assets.extra") / "contract.json"
READ_BYTES = 1 << 20


class NotAModelError(ServiceError):
    """The folder does not hold a model version."""

    status = 422
    code = "not_a_model"
    title = "This is not a model version"


class ModelChangedError(ConflictError):
    """A registered version is not what it was: its answers could not be explained."""

    code = "model_changed"
    title = "This model version was changed"


@transaction.atomic
def register_model(
    *, folder: Path, registered_by: User | None = None
) -> tuple[ModelVersion, bool]:
    """Register <models>/<name>/<version>/. The second value: whether it is new.

    Raises NotAModelError; ModelChangedError if the version is known by other files.
    """
    folder = folder.resolve()
    name, version = folder.parent.name, folder.name
    if not version.isascii() or not version.isdecimal():
        raise NotAModelError(f"{folder}: name the folder of one version, a number.")
    contract = _read_contract(folder, name)
    sha256 = hash_folder(folder)
    registered, is_new = ModelVersion.objects.get_or_create(
        name=name,
        version=int(version),
        defaults={"sha256": sha256, "contract": contract},
    )
    if registered.sha256 != sha256:
        raise ModelChangedError(
            f"{registered} was registered with other files. A version never changes: "
            "restore its files, or export the new ones as a new version.",
            registered_sha256=registered.sha256,
            found_sha256=sha256,
        )
    if is_new:
        record_event(
            laboratory=None,
            actor=registered_by,
            action="model.register",
            subject=f"model:{name}:{version}",
            detail={"sha256": sha256},
        )
    return registered, is_new


def hash_folder(folder: Path) -> str:
    """SHA-256 over the lines "<sha256>  <relative path>\\n", sorted by path.

    The same as: cd FOLDER && find . -type f | LC_ALL=C sort | cut -c3- | tr '\\n' '\\0'
    | xargs -0 sha256sum | sha256sum. Raises NotAModelError for a link, whose target
    could change unseen, and for a name with a line break, which could feign a file.
    """
    lines = []
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise NotAModelError(f"{path}: only plain files and folders, no links.")
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            if not name.isprintable() or "\\" in name:
                raise NotAModelError(f"{folder}: a file has an unprintable name.")
            lines.append((name.encode(), hash_file(path)))
    listing = b"".join(
        f"{sha256}  ".encode() + name + b"\n" for name, sha256 in sorted(lines)
    )
    return hashlib.sha256(listing).hexdigest()


def hash_file(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def _read_contract(folder: Path, name: str) -> dict[str, Any]:
    path = folder / CONTRACT
    try:
        contract = json.loads(path.read_bytes(), parse_constant=_refuse_constant)
    except OSError as error:
        raise NotAModelError(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:  # UnicodeDecodeError is one.
        raise NotAModelError(f"{path} is not JSON: {error}.") from error
    if not isinstance(contract, dict) or contract.get("name") != name:
        raise NotAModelError(
            f"{path} is not of the model {name}: its contract must say so in `name`."
        )
    return contract


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")
