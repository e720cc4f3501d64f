#!/usr/bin/env python
"""Django's command line, for a laptop and for servers."""

import os
import sys

from django.core.management import execute_from_command_line

from histoapp.embedded import environment
from histoapp.embedded.errors import EmbeddedError


def main() -> None:
    """Complete the environment, then run the command."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "histoapp.settings")
    try:
        if sys.argv[1:2] == ["up"]:
            environment.make()
        environment.load()
    except EmbeddedError as error:
        raise SystemExit(f"histoapp: {error}") from None
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
