"""Celery's configuration, and nothing else.

The database row is the truth, and a message only a doorbell: so messages are
acknowledged early, results are ignored, and there is no eta, no retry, no canvas.
"""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "histoapp.settings")

app = Celery("worker", include=["worker.tasks", "worker.fetch_tasks"])
app.conf.update(
    broker_url=settings.REDIS_URL,
    # Without these a hung Redis blocks for ever.
    broker_transport_options={"socket_timeout": 5, "socket_connect_timeout": 2},
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    accept_content=["json"],
    task_serializer="json",
    task_ignore_result=True,
    task_acks_late=False,
    task_default_queue="analyses",
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,  # A leak in a codec stays small.
    worker_hijack_root_logger=False,
    task_soft_time_limit=300,  # Fifty megapixels at the model's spacing take 60 s.
    task_time_limit=330,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)
