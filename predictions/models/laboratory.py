"""The tenant, and who belongs to it."""

import uuid
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

# A microscope's range: 100x oil immersion to a macro photograph.
SPACING_LIMITS_UM = (0.02, 50.0)
SPACING_VALIDATORS = [
    MinValueValidator(SPACING_LIMITS_UM[0]),
    MaxValueValidator(SPACING_LIMITS_UM[1]),
]


class Role(models.TextChoices):
    TECHNICIAN = "technician"
    PATHOLOGIST = "pathologist"
    ADMINISTRATOR = "administrator"


class LaboratoryQuerySet(models.QuerySet["Laboratory"]):
    def visible_to(self, user: "User | AnonymousUser") -> "LaboratoryQuerySet":
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.filter(memberships__user=user, memberships__is_active=True)

    def administered_by(self, user: "User | AnonymousUser") -> "LaboratoryQuerySet":
        """Those whose members, settings and trail are the person's to look after."""
        if user.is_authenticated and user.is_active and user.is_superuser:
            return self.all()
        mine = Membership.objects.of(user).administrators()
        return self.filter(memberships__in=mine)


class Laboratory(models.Model):
    """A pathology laboratory: the tenant. Nobody sees another one's cases."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=120, unique=True)
    default_spacing_um = models.FloatField(
        "default spacing (µm/px)",
        null=True,
        blank=True,
        validators=SPACING_VALIDATORS,
        help_text="Assumed, and said to be, when an upload does not state its own.",
    )
    quota_bytes = models.BigIntegerField(
        "storage quota (bytes)", default=50 * 1000**3, validators=[MinValueValidator(0)]
    )
    retention_days = models.PositiveIntegerField(
        "retention (days)",
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="How long files are kept after upload; empty keeps them for ever.",
    )
    may_fetch = models.BooleanField(
        "fetch images by URL",
        default=False,
        help_text="Whether members may have an image fetched from the internet.",
    )
    fetch_hosts = ArrayField(
        models.CharField(max_length=253),
        default=list,
        blank=True,
        verbose_name="hosts to fetch from",
        help_text="Names such as images.example.org, or host:port for another port "
        "than 80 and 443. Empty allows every public host on 80 and 443.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = LaboratoryQuerySet.as_manager()

    class Meta:
        ordering = ["name"]
        verbose_name_plural = "laboratories"

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def active(self) -> "MembershipQuerySet":
        return self.filter(is_active=True)

    def of(self, user: "User | AnonymousUser") -> "MembershipQuerySet":
        """What the person may act on: no membership that was disabled."""
        if not user.is_authenticated or not user.is_active:
            return self.none()
        return self.active().filter(user=user)

    def administrators(self) -> "MembershipQuerySet":
        """Who can act as one: neither the membership nor the account is disabled."""
        return self.active().filter(role=Role.ADMINISTRATOR, user__is_active=True)


class Membership(models.Model):
    """A person's role in a laboratory.

    A disabled one shows and allows nothing. Who has no other is out: sessions and
    tokens end at their next request (services/people.py).
    """

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="memberships"
    )
    laboratory = models.ForeignKey(
        Laboratory, models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=20, choices=Role)
    is_active = models.BooleanField(default=True)
    joined_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = MembershipQuerySet.as_manager()

    class Meta:
        ordering = ["laboratory__name", "user__username"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "laboratory"], name="one_role_per_laboratory"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} ({self.role}, {self.laboratory})"


def let_in(account: str = "") -> Q:
    """The one rule of who may come in, for sessions and tokens alike.

    The account is active, and a superuser's, or of nobody's laboratory yet, or has a
    membership that is not disabled. `account` is the path there, such as "user__".
    """
    memberships = Membership.objects.filter(user=OuterRef(f"{account}pk"))
    return Q(**{f"{account}is_active": True}) & (
        Q(**{f"{account}is_superuser": True})
        | ~Exists(memberships)
        | Exists(memberships.active())
    )
