"""What a newcomer's `make` does before anything is installed."""

import json
import subprocess

import pytest

from tests.servers import REPOSITORY


def test_elsewhere_one_sentence_says_what_is_supported() -> None:
    ran = subprocess.run(
        ["/usr/bin/env", "make", "supported", "PYTHON="],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode != 0
    assert ran.stderr.startswith(
        "histoapp runs on Linux x86-64 with Python 3.11 or newer; this is "
    )


@pytest.mark.parametrize("name", ["run", "test"])
def test_python_packages_are_locked_by_hash_and_name_no_index(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    pins = [line for line in text.splitlines() if line[:1].isalnum()]
    assert pins
    assert all("==" in line for line in pins)
    assert text.count("\n    --hash=sha256:") >= len(pins)
    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text


def test_front_end_packages_are_locked_by_hash_and_name_no_address() -> None:
    lock = json.loads((REPOSITORY / "package-lock.json").read_text())
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for entry in packages.values():
        assert entry["integrity"].startswith("sha512-")
        assert "resolved" not in entry
