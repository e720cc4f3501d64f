"""How long an answer takes, what it costs, and how fast answers can come.

    make run                                    (in one terminal)
    python -m benchmarks.answering              (in another)

Uploads fields to the running stack through its API, as a client would, and writes
docs/benchmarks/answering.md. Speed is a ratio: rounds on the stack alternate with
rounds of the bare model (TensorFlow alone, no server) on the same tiles.
"""

import argparse
import http.client
import io
import json
import os
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PIL import Image as Picture

from benchmarks.stack import processes, set_up

set_up()

from django.conf import settings
from django.contrib.auth.models import User

from predictions.models import Analysis, Case, Role
from predictions.models.job import UNFINISHED
from predictions.services.cases import open_case
from predictions.services.laboratories import (
    add_member,
    create_laboratory,
)
from predictions.services.storage import store
from predictions.services.tokens import issue_token
from serving.contract import CONTRACT_FILE, ModelContract
from serving.tiling import lay_out
from training.generator.field import SPACING_UM, field
from worker.pipeline import TILES_PER_CALL, Question, tiles_of

TABLE = Path("docs/benchmarks/answering.md")
STEPS = ("decode", "embed", "aggregate", "draw")


def fields(count: int) -> Iterator[bytes]:
    """PNGs of 896 x 768 px, no two with the same bytes."""
    drawn = [field(seed, malignant=bool(seed % 2)).image for seed in range(6)]
    for number in range(count):
        pixels = np.roll(drawn[number % len(drawn)], number * 7, axis=1)
        written = io.BytesIO()
        Picture.fromarray(pixels).save(written, "PNG", compress_level=1)
        yield written.getvalue()


@dataclass
class Client:
    """One technician's program."""

    case: Case
    token: str
    port: int

    def upload(self, png: bytes) -> tuple[str, float]:
        """The analysis' id, and how long the request took."""
        boundary = secrets.token_hex(16)
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="spacing_um"\r\n\r\n'
            f"{SPACING_UM}\r\n--{boundary}\r\nContent-Disposition: form-data; "
            'name="file"; filename="field.png"\r\nContent-Type: image/png\r\n\r\n'
        )
        body = head.encode() + png + f"\r\n--{boundary}--\r\n".encode()
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request(
            "POST",
            f"/api/v1/cases/{self.case.pk}/images",
            body,
            {
                "Authorization": f"Bearer {self.token}",
                "Content-Type": f"multipart/form-data; boundary={boundary}",
            },
        )
        answer = connection.getresponse()
        content = json.load(answer)
        connection.close()
        took_s = time.perf_counter() - began
        if answer.status != http.HTTPStatus.CREATED:
            raise SystemExit(f"the upload was refused: {content}")
        return analysis_of(content), took_s


def analysis_of(content: dict[str, object]) -> str:
    """The one analysis that a created image's answer names."""
    text = json.dumps(content)
    asked = Analysis.objects.order_by("-created_at")[:50]
    return next(str(row.pk) for row in asked if str(row.pk) in text)


def make_client(port: int) -> Client:
    name = f"benchmark-{secrets.token_hex(4)}"
    laboratory = create_laboratory(name=name)
    user = User.objects.create_user(name)
    add_member(laboratory=laboratory, user=user, role=Role.TECHNICIAN)
    case = open_case(
        laboratory=laboratory,
        opened_by=user,
        accession_number=name,
        patient_code="P-0001",
    )
    return Client(case, issue_token(user=user, name="benchmark")[1], port)


def wait_for(ids: Sequence[str]) -> None:
    mine = Analysis.objects.filter(pk__in=ids, status__in=UNFINISHED)
    while mine.exists():
        time.sleep(0.05)


def percentiles(values: Sequence[float]) -> str:
    cuts = statistics.quantiles(values, n=20, method="inclusive")
    return f"{statistics.median(values) * 1000:.0f} | {cuts[18] * 1000:.0f}"


def measure_latency(client: Client, pngs: Sequence[bytes]) -> list[str]:
    """One field at a time: what a person waits for, step by step."""
    before = {p.name: p.cpu_s() for p in processes()}
    uploads, ids = [], []
    for png in pngs:
        analysis_id, took_s = client.upload(png)
        uploads.append(took_s)
        ids.append(analysis_id)
        wait_for([analysis_id])
    after = {p.name: p.cpu_s() for p in processes()}
    rows = list(Analysis.objects.filter(pk__in=ids).select_related("prediction"))
    answered = [row for row in rows if hasattr(row, "prediction")]
    if len(answered) < len(pngs):
        raise SystemExit(f"only {len(answered)} of {len(pngs)} fields were answered")
    totals = [seconds_between(row, "created_at", "finished_at") for row in answered]
    waits = [seconds_between(row, "created_at", "started_at") for row in answered]
    steps = {s: [r.prediction.seconds.get(s, 0.0) for r in answered] for s in STEPS}
    served = [
        sum(pair) for pair in zip(steps["embed"], steps["aggregate"], strict=True)
    ]
    outside = [t - s for t, s in zip(totals, served, strict=True)]
    cpu = {name: (after[name] - before[name]) / len(pngs) for name in after}
    others = sum(spent for name, spent in cpu.items() if name != "serving")
    return [
        f"One field at a time, {len(pngs)} fields of 896 × 768 px:",
        "",
        "| step | p50 ms | p95 ms |",
        "|---|---|---|",
        f"| upload (request to 201) | {percentiles(uploads)} |",
        f"| **accepted → answered** | {percentiles(totals)} |",
        f"| … waiting for a worker | {percentiles(waits)} |",
        *(f"| … {step} | {percentiles(steps[step])} |" for step in STEPS),
        f"| … all outside the model server | {percentiles(outside)} |",
        "",
        "| CPU per field, upload included | ms |",
        "|---|---|",
        *(f"| {name} | {spent * 1000:.0f} |" for name, spent in cpu.items()),
        f"| **all but the model server** | {others * 1000:.0f} |",
    ]


def seconds_between(row: Analysis, begin: str, end: str) -> float:
    return float((getattr(row, end) - getattr(row, begin)).total_seconds())


def measure_throughput(
    client: Client, pngs: Sequence[bytes], *, rounds: int, model: Path
) -> list[str]:
    """Fields per second, uploads included, in turns with the bare model."""
    stack_s, bare_s = 0.0, 0.0
    for number in range(rounds):
        batch = pngs[number::rounds]
        began = time.perf_counter()
        with ThreadPoolExecutor(2) as pool:
            ids = [asked for asked, _ in pool.map(client.upload, batch)]
        wait_for(ids)
        stack_s += time.perf_counter() - began
        bare_s += bare_model_s(model, ids)
    stack, bare = len(pngs) / stack_s, len(pngs) / bare_s
    how = f"{len(pngs)} fields, uploaded two at a time, in {rounds} rounds"
    return [
        f"{how} that alternate with the bare model on the same tiles:",
        "",
        "| | fields/s |",
        "|---|---|",
        f"| the whole stack, upload to answer | {stack:.2f} |",
        f"| the bare model (TensorFlow, two threads, tiles in memory) | {bare:.2f} |",
        f"| **ratio** | **{stack / bare:.2f}** |",
    ]


def bare_model_s(model: Path, ids: Sequence[str]) -> float:
    """Seconds that TensorFlow alone needs for the tiles of these fields."""
    rows = Analysis.objects.filter(pk__in=ids).select_related("image")
    contract = ModelContract.from_json(
        (model / "assets.extra" / CONTRACT_FILE).read_bytes()
    )
    with tempfile.NamedTemporaryFile(suffix=".npz") as file:
        bags = {}
        for number, row in enumerate(rows):
            image = row.image
            question = Question(
                path=store().local(image.stored_file),
                sha256=image.sha256_stored,
                width_px=image.width_px,
                height_px=image.height_px,
                spacing_um=image.spacing_um,
            )
            layout = lay_out(
                width_px=image.width_px,
                height_px=image.height_px,
                spacing_um=SPACING_UM,
                contract=contract,
            )
            bag = tiles_of(question, layout, contract.tile_side_px)
            bags[str(number)] = np.concatenate(list(bag))
        np.savez(file, allow_pickle=False, **bags)
        file.flush()
        command = [sys.executable, "-m", "benchmarks.bare_model", str(model), file.name]
        done = subprocess.run(
            [*command, str(TILES_PER_CALL)], check=True, capture_output=True, text=True
        )
    return float(done.stdout)


def measure_memory() -> list[str]:
    return [
        "Memory, as PSS over each process tree, after all of it:",
        "",
        "| process | MB |",
        "|---|---|",
        *(f"| {process.name} | {process.pss_mb():.0f} |" for process in processes()),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fields", type=int, default=200)
    parser.add_argument("--one-by-one", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
    asked = parser.parse_args()
    models = Path(settings.STORAGE_ROOT).parent / "models" / settings.SERVING_MODEL
    model = max(models.glob("[0-9]*"), key=lambda folder: int(folder.name))
    client = make_client(asked.port)
    pngs = list(fields(asked.one_by_one + asked.fields))
    sections = [
        ["# Answering", "", "Written by `python -m benchmarks.answering`.", ""],
        [f"{psutil.cpu_count()} cores, model {model.parent.name} v{model.name}.", ""],
        [*measure_latency(client, pngs[: asked.one_by_one]), ""],
        measure_throughput(
            client, pngs[asked.one_by_one :], rounds=asked.rounds, model=model
        ),
        ["", *measure_memory()],
    ]
    TABLE.parent.mkdir(parents=True, exist_ok=True)
    TABLE.write_text("\n".join(line for part in sections for line in part) + "\n")
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
