"""A client that is generated from the schema goes from nothing to an answer."""

import subprocess
import sys
from pathlib import Path

from django.core.management import call_command

from tests.predictions.api.conftest import png
from tests.predictions.api.test_story import OneAnswerWorker
from tests.predictions.api.web import Web, token_of
from tests.servers import REPOSITORY

GENERATED_S = 120
# Files are files to it, whatever they show.
CONFIG = """
package_name_override: histoapp_client
post_hooks: []
content_type_overrides:
  image/png: application/octet-stream
  image/jpeg: application/octet-stream
  image/tiff: application/octet-stream
  text/csv: application/octet-stream
"""
# What somebody writes who has the generated client, and the schema's names only.
PROGRAM = """
import sys, time
from histoapp_client import AuthenticatedClient
from histoapp_client.api.analyses import analyses_list
from histoapp_client.api.cases import cases_create, cases_images_create
from histoapp_client.api.images import images_retrieve
from histoapp_client.api.predictions import (
    predictions_heatmap_retrieve,
    predictions_retrieve,
)
from histoapp_client.models import CaseIn, UploadFormIn
from histoapp_client.types import File

address, token, picture, heatmap = sys.argv[1:]
client = AuthenticatedClient(base_url=address, token=token)
case = cases_create.sync(
    client=client,
    body=CaseIn(accession_number="S26-01234", patient="P-0001"),
    idempotency_key="the story",
)
sent = File(payload=open(picture, "rb"), file_name="field.png", mime_type="image/png")
told = cases_images_create.sync(
    case.id, client=client, body=UploadFormIn(file=[sent], spacing_um=0.25)
)
assert hasattr(told, "results"), told
image = told.results[0].image
while image.analysis.status.value not in ("succeeded", "failed"):
    time.sleep(0.2)
    image = images_retrieve.sync(image.id, client=client)
(analysis,) = analyses_list.sync(client=client, image=image.id).results
answer = predictions_retrieve.sync(analysis.id, client=client)
print(answer.outcome.value, answer.probability, answer.model.name, answer.notice)
drawn = predictions_heatmap_retrieve.sync(analysis.id, client=client)
open(heatmap, "wb").write(drawn.payload.read())
"""


def generate(folder: Path) -> Path:
    """The client, as `openapi-python-client generate` writes it."""
    schema, client = folder / "schema.json", folder / "client"
    call_command("spectacular", file=str(schema), format="openapi-json")
    (folder / "config.yml").write_text(CONFIG)
    made = subprocess.run(
        [
            Path(sys.executable).with_name("openapi-python-client"),
            "generate",
            *("--path", schema, "--config", folder / "config.yml"),
            *("--meta", "none", "--fail-on-warning", "--output-path", client),
        ],
        capture_output=True,
        text=True,
        timeout=GENERATED_S,
        check=False,
        cwd=folder,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    (folder / "packages").mkdir()
    return client.rename(folder / "packages" / "histoapp_client").parent


def test_a_generated_client_takes_an_image_to_its_answer(
    web: Web, tmp_path: Path
) -> None:
    packages = generate(tmp_path)
    field, heatmap = tmp_path / "field.png", tmp_path / "heatmap.png"
    field.write_bytes(png())
    _, _, token = token_of(web.case.created_by).rpartition(" ")
    address = f"http://127.0.0.1:{web.port}"
    worker = OneAnswerWorker()
    worker.start()
    try:
        told = subprocess.run(
            [sys.executable, "-c", PROGRAM, address, token, field, heatmap],
            cwd=REPOSITORY,
            env={"PYTHONPATH": str(packages)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    finally:
        worker.ended.set()
        worker.join(30)
    assert told.returncode == 0, told.stderr
    assert told.stdout.strip() == (
        "malignant 0.93 breast-mil Research use only. Not for diagnostic use."
    )
    assert heatmap.read_bytes() == b"\x89PNG of the story"
