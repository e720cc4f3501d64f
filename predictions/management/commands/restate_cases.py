"""Do the cases say what their images say?"""

from typing import Any

from django.core.management.base import BaseCommand

from predictions.services.case_status import restate_all


class Command(BaseCommand):
    help = (
        "Bring the cases' status, and which answers are unread, up to what the images "
        "say: after rows were written by other hands, or by workers older than the "
        "database."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        differed = restate_all()
        self.stdout.write(
            f"{differed} cases said something else, and were mended."
            if differed
            else "Every case says what its images say."
        )
