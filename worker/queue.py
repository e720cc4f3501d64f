"""The only place that names a task or sends one."""

from functools import cache
from uuid import UUID

from django.conf import settings
from redis import Redis

from worker.app import app

ANALYSE = "worker.analyse"
FETCH = "worker.fetch"
QUEUE = "analyses"  # Of both: every worker does either.


def publish(task: str, job_id: UUID) -> None:
    """Ring for one job. Raises kombu's OperationalError within seconds."""
    app.send_task(task, args=[str(job_id)], queue=QUEUE, retry=False)


def waiting() -> int:
    """How many messages nobody has taken yet. Raises redis.RedisError."""
    return int(_redis(settings.REDIS_URL).llen(QUEUE))


@cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)
