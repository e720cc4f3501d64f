"""Does every case's status say what its images say?"""

from typing import Any

from django.core.management.base import BaseCommand

from predictions.services.case_status import restate_all


class Command(BaseCommand):
    help = (
        "Bring every case's status up to what its images say: after rows were written "
        "by other hands, or by workers older than the database."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        differed = restate_all()
        self.stdout.write(
            f"The status of {differed} cases was mended."
            if differed
            else "Every case's status is what its images say."
        )
