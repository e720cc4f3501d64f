from pathlib import Path

import pytest

from serving.server.monitoring import metrics_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: true path: "/m" }', "/m"),
        ('prometheus_config { path: "/m" }', ""),
        ("", ""),
    ],
)
def test_the_config_says_whether_and_where(
    tmp_path: Path, text: str, path: str
) -> None:
    (tmp_path / "config").write_text(text)

    assert metrics_path(str(tmp_path / "config")) == path


def test_no_config_shows_nothing() -> None:
    assert metrics_path("") == ""


@pytest.mark.parametrize("content", [b"prometheus { }", b"\xff"])
def test_a_config_that_cannot_be_read_is_named(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "config"
    file.write_bytes(content)

    with pytest.raises(OSError, match=f"Invalid protobuf file: '{file}'"):
        metrics_path(str(file))
    with pytest.raises(OSError, match="missing"):
        metrics_path(str(tmp_path / "missing"))
