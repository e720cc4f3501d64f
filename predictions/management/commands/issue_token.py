"""A key for a program."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from predictions.services.tokens import DEFAULT_LIFE, issue_token

MAX_DAYS = 366


class Command(BaseCommand):
    help = "Make an API token for a person and print it: it is shown only now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("name", help="what it is for")
        parser.add_argument("--days", type=int, default=DEFAULT_LIFE.days)

    def handle(self, *args: Any, **options: Any) -> None:
        days: int = options["days"]
        if not 1 <= days <= MAX_DAYS:
            raise CommandError(f"A token lives from 1 to {MAX_DAYS} days.")
        user = User.objects.filter(username=options["username"], is_active=True).first()
        if user is None:
            raise CommandError(f"There is no active account {options['username']}.")
        token, secret = issue_token(
            user=user, name=options["name"], life=timedelta(days=days)
        )
        self.stderr.write(f"Valid until {token.expires_at:%Y-%m-%d %H:%M} UTC.")
        self.stdout.write(secret)
