"""`python -m serving`: what it says of good and bad models and servers."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from serving.__main__ import main
from tests.data import REPOSITORY
from tests.model_server import MODEL, ModelServer, free_port

SAVE_PARTS = """
import sys
from pathlib import Path
from tests.tiny_model import contract, make_aggregator, make_embedder
folder = Path(sys.argv[1])
make_embedder(poison=False).save(folder / "embedder.keras")
make_aggregator().save(folder / "aggregator.keras")
(folder / "contract.json").write_text(contract("tiny-mil").to_json())
"""


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.commands.looking.ROUND_S", 0.01)
    monkeypatch.setenv("COLUMNS", "200")


def test_a_good_model_is_described_and_timed(
    exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(exported / "2")]) == 0
    said = capsys.readouterr().out
    assert "tiles uint8 (n, 64, 64, 3)" in said
    assert "probability float32 ()" in said
    assert "contract" in said
    for words in ("MB", "batch of 1 ", "batch of 16", "images/s"):
        assert words in said


def test_a_model_that_breaks_its_contract_is_named(
    exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "3"
    shutil.copytree(exported / "2", folder)
    path = folder / "assets.extra" / "contract.json"
    contract = json.loads(path.read_text())
    path.write_text(json.dumps(contract | {"embedding_dim": 7}))
    assert main(["check", str(folder)]) == 1
    assert "signature aggregate is" in capsys.readouterr().err


def test_a_folder_without_a_model_is_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(tmp_path)]) == 1
    assert "SavedModel file does not exist" in capsys.readouterr().err


def test_a_server_says_what_it_has(
    shared_server: ModelServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", shared_server.address, "--model", MODEL]) == 0
    assert "AVAILABLE" in capsys.readouterr().out
    assert main(["status", shared_server.address, "--model", "other"]) == 1
    assert "any versions of model other" in capsys.readouterr().err


def test_nobody_there_is_an_exit_code_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["status", f"127.0.0.1:{free_port()}"]) == 3
    assert "cannot be reached" in capsys.readouterr().err


def test_keras_files_become_the_next_version(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", SAVE_PARTS, str(tmp_path)], cwd=REPOSITORY, check=True
    )
    base_path = tmp_path / "models" / MODEL
    (base_path / "4").mkdir(parents=True)
    (base_path / "4" / "saved_model.pb").touch()
    names = ("embedder.keras", "aggregator.keras", "contract.json")
    command = [sys.executable, "-m", "serving", "export"]
    command += [*(str(tmp_path / name) for name in names), str(base_path)]
    subprocess.run(command, cwd=REPOSITORY, check=True)
    assert (base_path / "5" / "saved_model.pb").is_file()
    (tmp_path / "contract.json").write_text("{}")
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "schema is None" in done.stderr) == (1, True)
