"""What a model promises: its tensors, and the rules that turn an image into them.

The contract travels inside the SavedModel (as the answer of the signature
"describe", and as assets.extra/contract.json), so that exporter, client,
pipeline and training cannot drift apart. Standard library only.
"""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, NamedTuple

Outcome = Literal["benign", "malignant", "refer", "refused"]

SCHEMA = 2  # 2: `aggregate` gives an interval too.
CONTRACT_FILE = "contract.json"  # Under assets.extra/ of the SavedModel.

DESCRIBE = "describe"
EMBED = "embed"
AGGREGATE = "aggregate"
SERVING_DEFAULT = "serving_default"  # Another name for EMBED.

ASK = "ask"
CONTRACT = "contract"
TILES = "tiles"
EMBEDDINGS = "embeddings"
PROBABILITY = "probability"
INTERVAL_LOW = "interval_low"
INTERVAL_HIGH = "interval_high"
ATTENTION = "attention"
TISSUE = "tissue"


class ContractError(ValueError):
    """This is not a contract: the model that carries it must not be used."""


class SchemaError(ContractError):
    """A contract, but of another release than this code."""


class TensorSpec(NamedTuple):
    """A tensor's dtype, by TensorFlow's name for it, and shape; None is any size."""

    dtype: str
    shape: tuple[int | None, ...]


class SignatureSpec(NamedTuple):
    """The tensors that a signature takes and gives, by name."""

    inputs: Mapping[str, TensorSpec]
    outputs: Mapping[str, TensorSpec]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelContract:
    """The rules of one attention-based multiple-instance-learning model.

    spacing_um: µm per pixel that the model was made for; an image with a spacing in
    [spacing_min_um, spacing_max_um] is resampled to it, one outside is refused.
    refer_low, refer_high: probability of malignancy at or below low is benign, at or
    above high malignant, between: refer.
    tissue_min: a tissue score below it means that this is no H&E tissue: refused.
    """

    name: str
    architecture: str = "mil"
    labels: tuple[str, str] = ("benign", "malignant")
    tile_side_px: int
    tile_stride_px: int
    spacing_um: float
    spacing_min_um: float
    spacing_max_um: float
    refer_low: float
    refer_high: float
    tissue_min: float
    max_tiles: int
    embedding_dim: int
    summary: str
    schema: int = SCHEMA

    def __post_init__(self) -> None:
        """Refuse values that contradict one another."""
        for holds, rule in _rules(self):
            if not holds:
                raise ContractError(f"model contract: {rule}")

    def to_json(self) -> str:
        """Write as JSON, always the same for the same contract."""
        return json.dumps(asdict(self), sort_keys=True, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str | bytes) -> "ModelContract":
        """Read what to_json wrote. Raises ContractError that names the field."""
        try:
            stored = json.loads(text)
        except ValueError as error:
            raise ContractError(f"model contract: not JSON: {error}") from error
        if not isinstance(stored, dict):
            raise ContractError("model contract: not a JSON object")
        schema = stored.get("schema")
        if schema != SCHEMA:
            kind = SchemaError if isinstance(schema, int) else ContractError
            raise kind(f"model contract: schema is {schema!r}, not {SCHEMA}")
        return cls(**{name: _read(name, stored) for name in _field_names(stored)})


def _field_names(stored: Mapping[str, object]) -> list[str]:
    names = [field.name for field in fields(ModelContract)]
    if set(stored) != set(names):
        wrong = sorted(set(stored) ^ set(names))
        raise ContractError(f"model contract: missing or unknown: {', '.join(wrong)}")
    return names


def _read(name: str, stored: Mapping[str, object]) -> Any:
    """One field, with the type that the contract declares for it."""
    value = stored[name]
    if name == "labels":
        if isinstance(value, list) and all(isinstance(label, str) for label in value):
            return tuple(value)
        raise ContractError("model contract: labels must be a list of strings")
    wanted: type = ModelContract.__annotations__[name]
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:  # Not isinstance: true is no number of pixels.
        raise ContractError(
            f"model contract: {name} must be {wanted.__name__}, not {value!r}"
        )
    return value


def _rules(contract: ModelContract) -> Iterator[tuple[bool, str]]:
    """What must hold, each with the words for when it does not."""
    yield contract.schema == SCHEMA, f"schema must be {SCHEMA}"
    yield contract.architecture == "mil", "architecture must be mil"
    yield contract.labels == ("benign", "malignant"), "labels: benign, malignant"
    yield bool(contract.name) and "/" not in contract.name, "name must name a folder"
    yield contract.tile_side_px > 0, "tile_side_px must be positive"
    yield (
        0 < contract.tile_stride_px <= contract.tile_side_px,
        "tile_stride_px must be in 1..tile_side_px: tiles leave no gap",
    )
    yield contract.max_tiles > 0, "max_tiles must be positive"
    yield contract.embedding_dim > 0, "embedding_dim must be positive"
    low, made_for, high = (
        contract.spacing_min_um,
        contract.spacing_um,
        contract.spacing_max_um,
    )
    yield (
        0 < low <= made_for <= high < math.inf,
        "spacing: 0 < spacing_min_um <= spacing_um <= spacing_max_um",
    )
    yield (
        0 <= contract.refer_low < contract.refer_high <= 1,
        "refer: 0 <= refer_low < refer_high <= 1",
    )
    yield 0 <= contract.tissue_min <= 1, "tissue_min must be in [0, 1]"


def signatures(contract: ModelContract) -> dict[str, SignatureSpec]:
    """The signatures that the SavedModel behind this contract must have.

    `describe` takes a scalar that it ignores: TensorFlow Serving accepts a call
    without inputs over gRPC, but not over REST, nor with --enable_batching.
    The answers of `aggregate` are scalars, so that a server with --enable_batching
    refuses it, rather than pool the tiles of two images.
    """
    side, dim = contract.tile_side_px, contract.embedding_dim
    embed = SignatureSpec(
        {TILES: TensorSpec("uint8", (None, side, side, 3))},
        {EMBEDDINGS: TensorSpec("float32", (None, dim))},
    )
    return {
        DESCRIBE: SignatureSpec(
            {ASK: TensorSpec("int32", ())}, {CONTRACT: TensorSpec("string", ())}
        ),
        EMBED: embed,
        SERVING_DEFAULT: embed,
        AGGREGATE: SignatureSpec(
            {EMBEDDINGS: TensorSpec("float32", (None, dim))},
            {
                PROBABILITY: TensorSpec("float32", ()),
                INTERVAL_LOW: TensorSpec("float32", ()),
                INTERVAL_HIGH: TensorSpec("float32", ()),
                ATTENTION: TensorSpec("float32", (None,)),
                TISSUE: TensorSpec("float32", ()),
            },
        ),
    }


def decide(contract: ModelContract, *, probability: float, tissue: float) -> Outcome:
    """Turn a calibrated probability of malignancy and a tissue score into an outcome.

    Raises ValueError for a number outside [0, 1], NaN included.
    """
    for name, value in (("probability", probability), ("tissue", tissue)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} is {value}, not in [0, 1]")
    if tissue < contract.tissue_min:
        return "refused"
    if probability <= contract.refer_low:
        return "benign"
    if probability >= contract.refer_high:
        return "malignant"
    return "refer"
