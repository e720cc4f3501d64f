"""The dispatcher, with every message published twice.

`python -m tests.faults.doubling`
"""

import os
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "histoapp.settings")
django.setup()

from django.core.management import call_command

from worker import queue

once = queue.publish


def twice(task: str, job_id: UUID) -> None:
    once(task, job_id)
    once(task, job_id)


if __name__ == "__main__":
    queue.publish = twice
    call_command("dispatch")
