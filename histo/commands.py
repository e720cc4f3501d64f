"""What each command does. All return the exit code."""

import argparse
import json
import time
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from histo.api import Api, Json
from histo.cases import find_case, open_case
from histo.errors import HistoError
from histo.files import find_images
from histo.showing import (
    NOTICE,
    answers_table,
    cases_table,
    has_failed,
    images_of,
    is_unfinished,
)
from histo.uploading import Stated, Uploaded, upload

POLL_S = 2.0


def upload_command(
    api: Api, asked: argparse.Namespace, said: Console, told: Console
) -> int:
    """Upload files and folders to a case."""
    paths = find_images(asked.paths)
    case = _case_of(api, asked)
    stated = Stated(asked.spacing_um, asked.magnification, asked.specimen)
    ended = _send_all(api, case, paths, stated, told)
    refused = any(one.state == "refused" for one in ended)
    told.print(_summary(ended), highlight=False)
    if asked.wait:
        return max(_wait_for(api, case, asked, said, told), int(refused))
    if asked.json:
        said.print_json(json.dumps([_as_json(one) for one in ended]))
    return int(refused)


def _send_all(
    api: Api, case: Json, paths: list[Path], stated: Stated, told: Console
) -> list[Uploaded]:
    """Send every file, with a line for each as it ends and a bar for all."""
    ended: list[Uploaded] = []
    with _progress(told) as progress:
        total_bytes = sum(path.stat().st_size for path in paths)
        bar = progress.add_task(f"0/{len(paths)} files", total=total_bytes)
        for one in upload(
            api,
            case_id=case["id"],
            paths=paths,
            stated=stated,
            told=lambda more: progress.advance(bar, more),
        ):
            ended.append(one)
            progress.update(bar, description=f"{len(ended)}/{len(paths)} files")
            _say(one, told)
    return ended


def _case_of(api: Api, asked: argparse.Namespace) -> Json:
    if asked.case:
        return find_case(api, asked.case)
    if not asked.patient:
        raise HistoError("State the --patient code of the case too.")
    return open_case(
        api,
        accession_number=asked.accession,
        patient=asked.patient,
        priority=asked.priority,
    )


def _progress(told: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=told,
        disable=not told.is_terminal,
    )


def _say(one: Uploaded, told: Console) -> None:
    words = f": {one.words}" if one.words else ""
    told.print(f"{one.path}: {one.state}{words}", markup=False, highlight=False)


def _summary(ended: list[Uploaded]) -> str:
    counts = {
        state: sum(one.state == state for one in ended)
        for state in ("accepted", "duplicate", "refused")
    }
    return (
        f"{counts['accepted']} accepted, {counts['duplicate']} there already, "
        f"{counts['refused']} refused."
    )


def _as_json(one: Uploaded) -> Json:
    return {
        "path": str(one.path),
        "state": one.state,
        "image": one.image and one.image["id"],
        "words": one.words,
    }


def wait_command(
    api: Api, asked: argparse.Namespace, said: Console, told: Console
) -> int:
    """Wait until every image of a case has its answer."""
    return _wait_for(api, find_case(api, asked.case), asked, said, told)


def _wait_for(
    api: Api, case: Json, asked: argparse.Namespace, said: Console, told: Console
) -> int:
    """Wait until nothing of the case is under way, then show it."""
    images = images_of(api, case["id"])
    with Progress(console=told, disable=not told.is_terminal) as progress:
        bar = progress.add_task("Analysing", total=len(images))
        while unfinished := sum(map(is_unfinished, images)):
            progress.update(bar, completed=len(images) - unfinished)
            time.sleep(POLL_S)
            images = images_of(api, case["id"])
    return _print(case, images, said, as_json=asked.json)


def show_command(
    api: Api, asked: argparse.Namespace, said: Console, told: Console
) -> int:
    """Print the answers of a case."""
    case = find_case(api, asked.case)
    return _print(case, images_of(api, case["id"]), said, as_json=asked.json)


def _print(case: Json, images: list[Json], said: Console, *, as_json: bool) -> int:
    if as_json:
        said.print_json(json.dumps({"case": case, "images": images, "notice": NOTICE}))
    else:
        said.print(answers_table(case, images))
    return int(any(map(has_failed, images)))


def cases_command(
    api: Api, asked: argparse.Namespace, said: Console, told: Console
) -> int:
    """List cases, the newest first."""
    rows = api.rows("cases")
    cases = [case for case, _ in zip(rows, range(asked.limit), strict=False)]
    if asked.json:
        said.print_json(json.dumps(cases))
    else:
        said.print(cases_table(cases))
    return 0
