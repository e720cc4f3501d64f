"""The demo laboratory of a laptop's stack."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from predictions.models import Analysis
from predictions.models.job import UNFINISHED
from predictions.services.demo import PEOPLE, make_demo, upload_demo
from predictions.services.errors import ServiceError
from predictions.services.images import Submission

PATIENCE_S = 120


class Command(BaseCommand):
    help = (
        "Make a demo laboratory with three people and a case whose images are "
        "analysed. Safe to repeat. The password is taken from DEMO_PASSWORD."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("images", nargs="*", type=Path, help="sample images")
        parser.add_argument("--spacing-um", type=float, default=0.5)

    def handle(self, *args: Any, **options: Any) -> None:
        password = os.environ.get("DEMO_PASSWORD", "")
        if not password:
            raise CommandError("Set DEMO_PASSWORD: the demo's people sign in with it.")
        demo = make_demo(password=password)
        try:
            submissions = upload_demo(
                demo=demo, images=options["images"], spacing_um=options["spacing_um"]
            )
        except ServiceError as error:
            raise CommandError(str(error)) from error
        self._wait(submissions)
        for name in PEOPLE:
            self.stdout.write(f"{name:<14} password {password}")

    def _wait(self, submissions: Sequence[Submission]) -> None:
        """Until every image has its answer."""
        mine = Analysis.objects.filter(pk__in=[s.analysis.pk for s in submissions])
        deadline = time.monotonic() + PATIENCE_S
        while left := mine.filter(status__in=UNFINISHED).count():
            if time.monotonic() > deadline:
                raise CommandError(
                    f"{left} of the demo's images have no answer after {PATIENCE_S} s. "
                    "Look at the logs of worker and dispatcher."
                )
            time.sleep(0.2)
