"""When an image is fetched, when again, what is recorded. Safe to deliver twice."""

from datetime import timedelta
from typing import TYPE_CHECKING

from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings

from predictions.addresses import AddressRefusedError
from predictions.models import Fetch
from predictions.services import fetches
from predictions.services.errors import ServiceError
from predictions.services.storage import store
from worker import attempts, queue
from worker.app import app
from worker.attempts import Attempt, Heartbeat
from worker.fetching import FetchBrokenError, FetchEndedError, Web, download
from worker.requests import Doorbell

if TYPE_CHECKING:
    from celery import Task

WEB = Web()
WAIT = timedelta(seconds=10)  # A server that restarts is back within a minute or so.
PASSING = {"store_full", "decoder_unavailable"}  # Not the image's fault.

UNREACHABLE = (
    "The server could not be reached, or broke off, {attempts} times. Check the "
    "address, or download the image yourself and upload it."
)
READER_BROKE = (
    "Reading this image broke the image reader {attempts} times. Export it again and "
    "upload the new file."
)
TOOK_TOO_LONG = (
    "Fetching this image took longer than is allowed, {attempts} times. Download it "
    "yourself and upload it."
)


@app.task(name=queue.FETCH, bind=True, Request=Doorbell)
def fetch(self: "Task[..., None]", fetch_id: str) -> None:
    """Claim, fetch, accept. A doubled or late message finds nothing to claim."""
    held = Fetch.objects.claim(fetch_id)
    if held is None:
        return
    attempt = Attempt(held, fetches)
    with Heartbeat(held, Fetch.objects):
        try:
            _fetch(held)
        except attempts.FREE as error:
            attempt.give_back(error)
        except FetchBrokenError as error:
            attempt.count(error, wait=WAIT, last_words=UNREACHABLE)
        except SoftTimeLimitExceeded as error:
            attempt.count(error, wait=WAIT, last_words=TOOK_TOO_LONG)
        except fetches.StaleFetchError:
            attempt.say_late()
        except ServiceError as error:
            _refused(attempt, error)
        except (AddressRefusedError, FetchEndedError) as error:
            attempt.end(str(error))


def _fetch(held: Fetch) -> None:
    """Nothing of it is left, unless it was accepted."""
    errand = fetches.begin_fetch(held=held)
    with store().begin() as part:
        download(
            errand.url,
            part,
            allowed_hosts=errand.allowed_hosts,
            max_bytes=settings.MAX_UPLOAD_BYTES,
            web=WEB,
        )
        fetches.record_fetched(held=held, part=part)


def _refused(attempt: Attempt[Fetch], error: ServiceError) -> None:
    """What the same file would be told if a person had uploaded it."""
    if error.code == "decoder_crashed":
        attempt.count(error, wait=WAIT, last_words=READER_BROKE)
    elif error.code in PASSING:
        attempt.give_back(error)
    else:
        attempt.end(str(error))
