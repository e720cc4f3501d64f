"""A key for a program."""

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from predictions.models import Scope, let_in
from predictions.services.errors import ServiceError
from predictions.services.tokens import DEFAULT_LIFE, DEFAULT_SCOPES, issue_token


class Command(BaseCommand):
    help = "Make an API token for a person and print it: it is shown only now."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")
        parser.add_argument("name", help="what it is for")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            help="what it may do; repeat it for more (default: "
            + ", ".join(DEFAULT_SCOPES)
            + ")",
        )
        parser.add_argument("--days", type=int, default=DEFAULT_LIFE.days)

    def handle(self, *args: Any, **options: Any) -> None:
        user = User.objects.filter(let_in(), username=options["username"]).first()
        if user is None:
            raise CommandError(f"There is no active account {options['username']}.")
        try:
            token, secret = issue_token(
                user=user,
                name=options["name"],
                scopes=options["scope"] or DEFAULT_SCOPES,
                life=timedelta(days=options["days"]),
            )
        except (ServiceError, OverflowError) as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"Valid until {token.expires_at:%Y-%m-%d %H:%M} UTC.")
        self.stdout.write(secret)
