"""Remove the files of images whose retention period has passed."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from predictions.services.retention import drop_leftovers, due_for_purge, purge_image


class Command(BaseCommand):
    help = (
        "Remove the files of images that were kept for as long as their laboratory "
        "wants. Hash and trail stay. Safe to interrupt, and to run again."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="Name them; remove nothing."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["dry_run"]:
            for image in due_for_purge().order_by("uploaded_at", "pk").iterator():
                self.stdout.write(f"image:{image.pk}, uploaded {image.uploaded_at}.")
            self.stdout.write(f"{due_for_purge().count()} images are due.")
            return
        # By id: a run that lasts for hours holds no cursor open.
        ids = list(due_for_purge().order_by("uploaded_at", "pk").only("pk"))
        purged = sum(purge_image(image=image) for image in ids)
        self.stdout.write(f"Removed the files of {purged} images.")
        if leftovers := drop_leftovers():
            self.stdout.write(f"Removed {leftovers} files that were there again.")
