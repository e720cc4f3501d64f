"""The models whose answers may be recorded."""

from django.db import models


class ModelVersion(models.Model):
    """A registered model version: its files pinned by hash, its rules copied.

    `contract` is what the version says of itself (serving/contract.py), kept here so
    that an answer can be explained after the model is gone.
    """

    name = models.CharField(max_length=64)
    version = models.PositiveBigIntegerField()
    sha256 = models.CharField("SHA-256 of its files", max_length=64)
    contract = models.JSONField()
    registered_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name", "-version"]
        constraints = [
            models.UniqueConstraint(
                fields=["name", "version"], name="model_version_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"
