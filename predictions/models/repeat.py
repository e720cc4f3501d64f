"""What a request with an Idempotency-Key was answered, to be answered again."""

from django.conf import settings
from django.db import models


class Repeat(models.Model):
    """The answer to one keyed POST, written in the transaction of what it did."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="repeats"
    )
    key = models.CharField(max_length=128)
    request_sha256 = models.CharField(
        "SHA-256 of the request", max_length=64, help_text="Address and body."
    )
    status = models.PositiveSmallIntegerField(default=0)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="repeat_once_per_key"),
        ]
        indexes = [models.Index(fields=["created_at"], name="repeat_by_age")]

    def __str__(self) -> str:
        return f"{self.status} to {self.key}"
