"""What a ModelServerConfig says, checked in the words of TensorFlow Serving.

The words are those of model_servers/server_core.cc (GetPlatform,
ValidateModelConfigList, ValidateNoModelsChangePlatforms, CreateStoragePathRoutes)
and of model_servers/server.cc (ParseProtoTextFile).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from grpc import StatusCode

from serving.messages import ModelServerConfig
from serving.server.policy import VersionPolicy
from serving.server.status import StatusError, invalid, not_found

PLATFORM = "tensorflow"
TENSORFLOW_TYPE = 1  # In the deprecated enum ModelType.


@dataclass(frozen=True)
class ModelEntry:
    """One model as configured. labels: names of versions, as numbers."""

    name: str
    base_path: Path
    policy: VersionPolicy = field(default_factory=VersionPolicy)
    labels: Mapping[str, int] = field(default_factory=dict)


def single_model(name: str, base_path: str) -> ModelServerConfig:
    """The config that the flags for one model stand for."""
    config = ModelServerConfig()
    config.model_config_list.config.add(
        name=name, base_path=base_path, model_platform=PLATFORM
    )
    return config


def read_file(path: Path) -> ModelServerConfig:
    """Read a config in protobuf's text format. Raises StatusError."""
    try:
        text = path.read_text()
    except FileNotFoundError as error:
        raise not_found(f"{path}; No such file or directory") from error
    except (OSError, UnicodeDecodeError) as error:
        raise StatusError(StatusCode.UNKNOWN, f"{path}; {error}") from error
    config = ModelServerConfig()
    try:
        text_format.Parse(text, config)
    except text_format.ParseError as error:
        raise invalid(f"Invalid protobuf file: '{path}': {error}") from error
    return config


def read_entries(
    config: ModelServerConfig, *, served: Collection[str]
) -> list[ModelEntry]:
    """The models listed; `served` are those of the last config. Raises StatusError."""
    listed = config.model_config_list.config
    _check_names(listed)
    for model in listed:
        _check_path(model)
    for model in listed:
        _check_platform(model, is_served=model.name in served)
    return [
        ModelEntry(
            model.name,
            Path(model.base_path),
            _policy(model.model_version_policy),
            dict(model.version_labels),
        )
        for model in listed
    ]


def _check_names(listed: Sequence[Any]) -> None:
    """Refuse a name twice, and none: nobody could ask for it."""
    seen: set[str] = set()
    for model in listed:
        if not model.name:
            raise invalid("Illegal to list a model without a name in config list")
        if model.name in seen:
            raise invalid(
                f"Illegal to list model {model.name} multiple times in config list"
            )
        seen.add(model.name)


def _check_path(model: Any) -> None:
    if not model.base_path.startswith("/") and "://" not in model.base_path:
        raise invalid(
            f"Expected model {model.name} to have an absolute path or URI; "
            f"got base_path()={model.base_path}"
        )


def _check_platform(model: Any, *, is_served: bool) -> None:
    platform = _platform(model)
    if platform == PLATFORM:
        return
    if is_served:
        raise invalid(
            f"Illegal to change a model's platform. For model {model.name} platform "
            f"was {PLATFORM} and new platform requested is {platform}"
        )
    raise invalid(f"Model {model.name} requests unsupported platform {platform}")


def _platform(model: Any) -> str:
    if model.model_type and model.model_platform:
        raise invalid(
            "Illegal setting both ModelServerConfig::model_type (deprecated) "
            "and ModelServerConfig::model_platform."
        )
    if model.model_type not in (0, TENSORFLOW_TYPE):
        raise invalid(
            f"ModelServerConfig::model_type choice {model.model_type} not supported."
        )
    if not model.model_type and not model.model_platform:
        raise invalid(
            "Illegal setting neither ModelServerConfig::model_type (deprecated) "
            "nor ModelServerConfig::model_platform."
        )
    return str(model.model_platform or PLATFORM)


def _policy(policy: Any) -> VersionPolicy:
    chosen = policy.WhichOneof("policy_choice")
    if chosen == "all":
        return VersionPolicy(newest=None)
    if chosen == "specific":
        return VersionPolicy(named=frozenset(policy.specific.versions))
    return VersionPolicy(newest=max(policy.latest.num_versions, 1))
