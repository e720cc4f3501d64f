"""The shapes of laboratories, their people and their trail."""

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers

from predictions.api.fields import NumberField
from predictions.models import AuditEvent, Laboratory, Membership, Role, Scope
from predictions.models.laboratory import SPACING_LIMITS_UM


class LaboratoryOut(serializers.ModelSerializer[Laboratory]):
    """A laboratory, and how it works."""

    class Meta:
        model = Laboratory
        fields = [
            "id",
            "name",
            "default_spacing_um",
            "quota_bytes",
            "retention_days",
            "may_fetch",
            "fetch_hosts",
            "created_at",
        ]
        read_only_fields = fields


class LaboratoryChangeIn(serializers.Serializer[Laboratory]):
    """What is to be different about a laboratory: only what is named changes."""

    default_spacing_um = NumberField(
        required=False,
        allow_null=True,
        min_value=SPACING_LIMITS_UM[0],
        max_value=SPACING_LIMITS_UM[1],
        help_text="Assumed, and said to be, when an upload does not state its own.",
    )
    retention_days = serializers.IntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=100_000,
        help_text="How long files are kept after upload; null keeps them for ever.",
    )
    may_fetch = serializers.BooleanField(required=False)
    fetch_hosts = serializers.ListField(
        child=serializers.RegexField(
            r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?(:[0-9]{1,5})?$", max_length=253
        ),
        required=False,
        max_length=100,
        help_text="Names, or host:port; empty allows every public host.",
    )


class MemberOut(serializers.ModelSerializer[Membership]):
    """A person's role in a laboratory."""

    id = serializers.IntegerField()
    username = serializers.CharField(source="user.username")

    class Meta:
        model = Membership
        fields = ["id", "username", "role", "is_active", "joined_at"]
        read_only_fields = fields


class AuditEventOut(serializers.ModelSerializer[AuditEvent]):
    """A link of the laboratory's chain: who did what, when."""

    sequence = serializers.IntegerField()
    detail = serializers.DictField()

    class Meta:
        model = AuditEvent
        fields = [
            "sequence",
            "at",
            "actor",
            "action",
            "subject",
            "detail",
            "previous_hash",
            "hash",
        ]
        read_only_fields = fields


class RoleOut(serializers.ModelSerializer[Membership]):
    """What one may be in which laboratory."""

    laboratory = inline_serializer(
        "OwnLaboratory",
        {"id": serializers.UUIDField(), "name": serializers.CharField()},
    )
    role = serializers.ChoiceField(Role.choices)

    class Meta:
        model = Membership
        fields = ["laboratory", "role"]
        read_only_fields = fields


class OwnTokenOut(serializers.Serializer[object]):
    """The token that asks."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))
    expires_at = serializers.DateTimeField()


class MeOut(serializers.Serializer[object]):
    """Who asks: the person, what that person may be where, and the token."""

    username = serializers.CharField()
    laboratories = RoleOut(many=True)
    token = OwnTokenOut()
