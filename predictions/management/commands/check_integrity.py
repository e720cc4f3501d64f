"""Is every stored file still what the record says?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from predictions.services.integrity import check_integrity, record_check


class Command(BaseCommand):
    help = "Read every stored file again: missing, changed, or named by no record."

    def handle(self, *args: Any, **options: Any) -> None:
        checked = check_integrity()
        record_check(checked=checked)
        for fault in checked.faults:
            self.stdout.write(f"{fault.subject}: {fault.what}.")
        if checked.faults:
            raise CommandError(
                f"{len(checked.faults)} faults. Bring the files back from a backup; "
                "nothing was changed or removed."
            )
        self.stdout.write(f"All files of {checked.images} images are as recorded.")
