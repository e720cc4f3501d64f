"""A folder of images that lies on the server already."""

from collections import Counter
from pathlib import Path
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from predictions.images.errors import ImageError
from predictions.models import Laboratory
from predictions.services.errors import ServiceError
from predictions.services.images import (
    DuplicateImageError,
    may_upload,
    submit_image,
)
from predictions.services.imports import (
    Action,
    Plan,
    PlannedRow,
    open_import,
    plan_import,
)
from predictions.services.local_files import list_folder, receive_local
from predictions.services.manifests import read_manifest


class Command(BaseCommand):
    help = (
        "Open the cases that a CSV file names and upload each one's files from a "
        "folder, for a person. Safe to repeat: what is there already is said to be. "
        "Exits with 1 if any row was refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "manifest",
            type=Path,
            help="CSV: file, accession_number, patient_code; optional: specimen, "
            "spacing_um, magnification, priority, consent",
        )
        parser.add_argument("--laboratory", required=True, help="its name")
        parser.add_argument("--user", required=True, help="whose uploads these are")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would happen, no more"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        user = _user(options["user"])
        folder: Path = options["folder"]
        try:
            plan = _plan(options, user=user)
            if options["dry_run"]:
                states = self._tell(plan)
            else:
                plan = open_import(plan=plan, opened_by=user)
                states = self._upload(plan, folder=folder, user=user)
        except ServiceError as error:
            raise CommandError(str(error)) from error
        for name in plan.unnamed:
            self.stderr.write(f"No row names {name}.")
        counts = ", ".join(f"{count} {state}" for state, count in states.items())
        self.stdout.write(f"{len(plan.rows)} rows: {counts}.")
        if states["refused"]:
            raise CommandError(f"{states['refused']} rows were refused.")

    def _tell(self, plan: Plan) -> Counter[str]:
        for planned in plan.rows:
            self._report(planned, planned.action, planned.words)
        return Counter(str(planned.action) for planned in plan.rows)

    def _upload(self, plan: Plan, *, folder: Path, user: User) -> Counter[str]:
        states: Counter[str] = Counter()
        for planned in plan.rows:
            state, words = _upload_one(planned, folder=folder, user=user)
            self._report(planned, state, words)
            states[state] += 1
        return states

    def _report(self, planned: PlannedRow, state: str, words: str) -> None:
        self.stdout.write(f"line {planned.row.line}\t{state}\t{words}")


def _user(name: str) -> User:
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active account {name}.")
    return user


def _plan(options: dict[str, Any], *, user: User) -> Plan:
    laboratory = Laboratory.objects.filter(name=options["laboratory"]).first()
    if laboratory is None:
        raise CommandError(f"There is no laboratory {options['laboratory']}.")
    folder, manifest = options["folder"], options["manifest"]
    if not folder.is_dir():
        raise CommandError(f"There is no folder {folder}.")
    if not manifest.is_file():
        raise CommandError(f"There is no file {manifest}.")
    sizes_bytes = list_folder(folder)
    return plan_import(
        laboratory=laboratory,
        asked_by=user,
        rows=read_manifest(manifest.read_bytes()),
        filenames=sizes_bytes,
        sizes_bytes=sizes_bytes,
    )


def _upload_one(planned: PlannedRow, *, folder: Path, user: User) -> tuple[str, str]:
    """What became of one row, and the words for it."""
    if planned.action == Action.REFUSED or planned.case is None:
        return "refused", planned.words
    row, case, path = planned.row, planned.case, folder / planned.found
    try:
        may_upload(case=case, user=user, declared_bytes=path.stat().st_size)
        submit_image(
            case=case,
            uploaded_by=user,
            received=receive_local(path),
            spacing_um=row.spacing_um,
            magnification=row.magnification,
            specimen_label=row.specimen_label,
        )
    except DuplicateImageError as error:
        return "duplicate", str(error)
    except ServiceError as error:
        return "refused", str(error)
    except ImageError as error:
        return "refused", error.message
    except OSError:
        return "refused", "The file cannot be read any more. Import it again."
    return "accepted", f"Accepted for the case {row.accession_number}."
