"""Messages whose acknowledgement may be lost without harm."""

from celery.worker.request import Request
from kombu.transport.virtual import QoS


class Doorbell(Request):
    """A message that counts as taken, whether or not Redis heard so.

    Celery logs an acknowledgement that failed and goes on, but kombu then counts the
    message as being worked on for ever. After as many of them as there are slots the
    worker asks for nothing any more, though it is connected again (Celery 5.7.0,
    kombu 5.7.0). Here the row is the truth: at worst the message comes once more.
    """

    def acknowledge(self) -> None:
        super().acknowledge()
        message = self._message  # type: ignore[attr-defined]  # Missing in the stubs.
        if not message.acknowledged:
            QoS.ack(message.channel.qos, message.delivery_tag)
