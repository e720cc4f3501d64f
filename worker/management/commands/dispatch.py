"""`manage.py dispatch`: from rows to messages, and the clock."""

import signal
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from worker.dispatcher import Dispatcher


class Command(BaseCommand):
    help = "Publish due analyses to the workers. Any number of these may run."

    def handle(self, *args: Any, **options: Any) -> None:
        dispatcher = Dispatcher(slots=settings.WORKER_SLOTS)
        signal.signal(signal.SIGTERM, dispatcher.stop)
        signal.signal(signal.SIGINT, dispatcher.stop)
        dispatcher.run()
