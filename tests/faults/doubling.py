"""The dispatcher, with every message published twice.

`python -m tests.faults.doubling`
"""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "histoapp.settings")
django.setup()

from django.core.management import call_command

from worker import queue

once = queue.publish


def twice(analysis_id: object) -> None:
    once(analysis_id)  # type: ignore[arg-type]  # As the dispatcher gives it.
    once(analysis_id)  # type: ignore[arg-type]


if __name__ == "__main__":
    queue.publish = twice
    call_command("dispatch")
