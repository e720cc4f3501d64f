"""Who may see what: the one rule, for everything that belongs to a laboratory."""

from typing import TYPE_CHECKING, ClassVar, Self, TypeVar

from django.db import models

from predictions.models.laboratory import Laboratory

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

RowT_co = TypeVar("RowT_co", bound=models.Model, covariant=True)


class LaboratoryScopedQuerySet(models.QuerySet[RowT_co]):
    """Rows that belong to a laboratory, by the lookup path `laboratory_path`."""

    laboratory_path: ClassVar[str] = "laboratory"

    def visible_to(self, user: "User | AnonymousUser") -> Self:
        """Rows of the user's own laboratories; somebody else's are not there."""
        laboratories = Laboratory.objects.visible_to(user).values("pk")
        return self.filter(**{f"{self.laboratory_path}__in": laboratories})
