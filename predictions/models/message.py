"""What people of a laboratory tell each other about a case."""

import uuid

from django.conf import settings
from django.db import models

from predictions.models.case import Case
from predictions.models.visibility import LaboratoryScopedQuerySet


class MessageQuerySet(LaboratoryScopedQuerySet["Message"]):
    laboratory_path = "case__laboratory"


class Message(models.Model):
    """A note on a case, for everybody of its laboratory. Never changed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    case = models.ForeignKey(Case, models.PROTECT, related_name="messages")
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="case_messages"
    )
    text = models.TextField(max_length=4000)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["created_at"]
        indexes = [models.Index(fields=["created_at", "id"], name="message_by_time")]

    def __str__(self) -> str:
        return f"message on {self.case}"
