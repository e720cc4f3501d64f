"""A new laboratory, and who administers it."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from predictions.models import Laboratory, Role
from predictions.services.laboratories import add_member, create_laboratory


class Command(BaseCommand):
    help = "Found a laboratory and make an existing account its administrator."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("administrator", help="the account's name")
        parser.add_argument(
            "--default-spacing-um",
            type=float,
            help="µm per pixel that is assumed when an upload states none",
        )

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(username=options["administrator"]).first()
        if user is None:
            raise CommandError(f"There is no account {options['administrator']}.")
        if Laboratory.objects.filter(name=options["name"]).exists():
            raise CommandError(f"There is a laboratory {options['name']} already.")
        laboratory = create_laboratory(
            name=options["name"], default_spacing_um=options["default_spacing_um"]
        )
        add_member(laboratory=laboratory, user=user, role=Role.ADMINISTRATOR)
        self.stdout.write(str(laboratory.pk))
