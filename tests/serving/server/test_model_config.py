from pathlib import Path

import pytest
from google.protobuf import text_format
from grpc import StatusCode

from serving.messages import ModelServerConfig
from serving.server.model_config import (
    ModelEntry,
    read_entries,
    read_file,
    single_model,
)
from serving.server.policy import VersionPolicy
from serving.server.status import StatusError

FULL = """
model_config_list {
  config {
    name: "slides"
    base_path: "/models/slides"
    model_platform: "tensorflow"
    model_version_policy { specific { versions: 4 versions: 2 } }
    version_labels { key: "stable" value: 2 }
    version_labels { key: "canary" value: 4 }
  }
  config { name: "tiles" base_path: "/models/tiles" model_type: TENSORFLOW }
}
"""


def config(text: str) -> ModelServerConfig:
    return text_format.Parse(text, ModelServerConfig())


def one(more: str, name: str = "m", base_path: str = "/models/m") -> str:
    return f'config {{ name: "{name}" base_path: "{base_path}" {more} }}'


def listed(*models: str) -> ModelServerConfig:
    return config(f"model_config_list {{ {' '.join(models)} }}")


TENSORFLOW = 'model_platform: "tensorflow"'


def test_a_list_says_what_is_served(tmp_path: Path) -> None:
    path = tmp_path / "models.config"
    path.write_text(FULL)

    assert read_entries(read_file(path), served=()) == [
        ModelEntry(
            "slides",
            Path("/models/slides"),
            VersionPolicy(named=frozenset({2, 4})),
            {"stable": 2, "canary": 4},
        ),
        ModelEntry("tiles", Path("/models/tiles"), VersionPolicy(newest=1)),
    ]


@pytest.mark.parametrize(
    ("written", "policy"),
    [
        ("", VersionPolicy(newest=1)),
        ("model_version_policy { latest { } }", VersionPolicy(newest=1)),
        (
            "model_version_policy { latest { num_versions: 3 } }",
            VersionPolicy(newest=3),
        ),
        ("model_version_policy { all { } }", VersionPolicy(newest=None)),
        (
            "model_version_policy { specific { versions: 7 } }",
            VersionPolicy(named=frozenset({7})),
        ),
    ],
)
def test_every_policy_is_understood(written: str, policy: VersionPolicy) -> None:
    (entry,) = read_entries(listed(one(f"{TENSORFLOW} {written}")), served=())

    assert entry.policy == policy


def test_flags_for_one_model_are_a_config() -> None:
    assert read_entries(single_model("m", "/models/m"), served=()) == [
        ModelEntry("m", Path("/models/m"))
    ]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            listed(one(TENSORFLOW), one(TENSORFLOW)),
            "Illegal to list model m multiple times in config list",
        ),
        (listed(one(TENSORFLOW, name="")), "without a name"),
        (
            listed(one(TENSORFLOW, base_path="models/m")),
            (
                "Expected model m to have an absolute path or URI; "
                "got base_path()=models/m"
            ),
        ),
        (listed(one(TENSORFLOW, base_path="")), "got base_path()="),
        (
            listed(one('model_platform: "onnx"')),
            "Model m requests unsupported platform onnx",
        ),
        (
            listed(one('model_platform: "onnx"', name="served")),
            (
                "Illegal to change a model's platform. For model served platform was "
                "tensorflow and new platform requested is onnx"
            ),
        ),
        (listed(one("")), "Illegal setting neither ModelServerConfig::model_type"),
        (
            listed(one(f"{TENSORFLOW} model_type: TENSORFLOW")),
            "Illegal setting both ModelServerConfig::model_type",
        ),
        (
            listed(one("model_type: OTHER")),
            "ModelServerConfig::model_type choice 2 not supported.",
        ),
    ],
    ids=[
        *("twice", "no name", "relative", "no path", "platform", "platform changed"),
        *("no platform", "both", "deprecated type"),
    ],
)
def test_a_wrong_list_is_refused_in_upstreams_words(
    wrong: ModelServerConfig, words: str
) -> None:
    with pytest.raises(StatusError) as caught:
        read_entries(wrong, served={"served"})

    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert words in caught.value.message


def test_a_base_path_may_be_a_uri() -> None:
    (entry,) = read_entries(listed(one(TENSORFLOW, base_path="gs://x/m")), served=())

    assert entry.name == "m"


@pytest.mark.parametrize(
    "text", ["improper", "model_config_list { config { nam: 1 } }", "\0"]
)
def test_a_file_that_is_no_config_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "bad.config"
    path.write_text(text)

    with pytest.raises(StatusError) as caught:
        read_file(path)
    assert caught.value.code is StatusCode.INVALID_ARGUMENT
    assert caught.value.message.startswith(f"Invalid protobuf file: '{path}'")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StatusError) as caught:
        read_file(tmp_path / "none")
    assert caught.value.code is StatusCode.NOT_FOUND
    assert str(tmp_path / "none") in caught.value.message


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "odd"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\xfe")

    with pytest.raises(StatusError, match=str(path)):
        read_file(path)
