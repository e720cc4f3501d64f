"""Let a model version's answers be recorded."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from predictions.services.errors import ServiceError
from predictions.services.model_versions import register_model


class Command(BaseCommand):
    help = (
        "Register model versions by the hash of their files. Safe to repeat; a "
        "version whose files changed is refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "folder",
            nargs="+",
            type=Path,
            help="a version's folder, as in models/breast-mil/1",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        for folder in options["folder"]:
            try:
                version, is_new = register_model(folder=folder)
            except ServiceError as error:
                raise CommandError(str(error)) from error
            done = "Registered" if is_new else "Known already:"
            self.stdout.write(f"{done} {version}, sha256 {version.sha256}.")
