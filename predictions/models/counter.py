"""How often something was done lately: rates and failed sign-ins."""

from django.db import models


class Counter(models.Model):
    """One count in one window of time.

    `key` is a SHA-256: whom it counts can be checked, and not read.
    """

    key = models.CharField(max_length=64)
    began_at = models.DateTimeField()
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["key", "began_at"], name="counter_once"),
        ]
        indexes = [models.Index(fields=["began_at"], name="counter_by_age")]

    def __str__(self) -> str:
        return f"{self.count} since {self.began_at}"
