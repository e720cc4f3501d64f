"""The lines of docs/api.md, as they stand there, take an image to its answer."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path

from django.db import connections

from predictions.models import Analysis, Case
from predictions.services.analyses import Answer, record_answer
from predictions.services.storage import store
from tests.predictions.api.conftest import png
from tests.predictions.api.web import Web
from tests.predictions.records import make_model_version
from tests.servers import REPOSITORY

LINES = 12
ANSWERED_S = 30


def story() -> str:
    page = (REPOSITORY / "docs" / "api.md").read_text()
    found = re.search(r"```sh\n(.*?)```", page, re.DOTALL)
    assert found
    return found[1]


class OneAnswerWorker(threading.Thread):
    """Answers the first question that it sees, as a worker would, and ends."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.wait(0.1):
            waiting = Analysis.objects.due().first()
            held = waiting and Analysis.objects.claim(waiting.pk)
            if held:
                self._answer(held)
                break
        connections.close_all()

    def _answer(self, held: Analysis) -> None:
        version = make_model_version(held.model_name)
        answer = Answer(
            model_name=version.name,
            version=version.version,
            outcome="malignant",
            probability=0.93,
            tissue=0.99,
            spacing_um=0.5,
            heatmap_file=store().keep_bytes(b"\x89PNG of the story"),
        )
        record_answer(held=held, answer=answer)


def test_the_lines_of_the_documentation_take_an_image_to_its_answer(
    web: Web, tmp_path: Path
) -> None:
    lines = story()
    assert len(lines.splitlines()) == LINES
    field, heatmap = tmp_path / "field.png", tmp_path / "heatmap.png"
    field.write_bytes(png())
    script = (
        lines.replace("127.0.0.1:8000", f"127.0.0.1:{web.port}")
        .replace(".venv/bin/python", sys.executable)
        .replace("technician", web.case.created_by.get_username())
        .replace("field.png", str(field))
        .replace("heatmap.png", str(heatmap))
    )
    worker = OneAnswerWorker()
    worker.start()
    try:
        told = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", script],
            cwd=REPOSITORY,
            env={**os.environ, "HISTOAPP_VAR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=ANSWERED_S,
            check=True,
        )
    finally:
        worker.ended.set()
        worker.join(ANSWERED_S)
    assert '"probability": 0.93' in told.stdout
    assert "Research use only. Not for diagnostic use." in told.stdout
    assert heatmap.read_bytes() == b"\x89PNG of the story"
    assert Case.objects.filter(accession_number="S26-01234").exists()


def test_the_readme_shows_the_same_lines() -> None:
    assert story() in (REPOSITORY / "README.md").read_text()
