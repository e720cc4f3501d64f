"""The shapes of members' changes, invitations and tokens."""

from datetime import datetime, timedelta

from rest_framework import serializers

from predictions.api.fields import WordField
from predictions.models import ApiToken, Invitation, Membership, Role, Scope
from predictions.services.people import NOTE_LENGTH
from predictions.services.tokens import DEFAULT_LIFE, MAX_LIFE

KEEP_IT = "Keep it: it is shown once."
SHOWN = "It was shown once, in the first answer to this request."


class MemberChangeIn(serializers.Serializer[Membership]):
    """A member's other role."""

    role = serializers.ChoiceField(Role.choices)


class InvitationIn(serializers.Serializer[Invitation]):
    """An offer of a role."""

    role = serializers.ChoiceField(Role.choices)
    note = serializers.CharField(
        max_length=NOTE_LENGTH, help_text="For whom, so that you know whose link it is."
    )


class InvitationOut(serializers.ModelSerializer[Invitation]):
    """An offer of a role: open until it is accepted, revoked or expired."""

    invited_by = serializers.CharField(source="invited_by.username")
    accepted_by = serializers.CharField(
        source="accepted_by.username", default=None, allow_null=True
    )

    class Meta:
        model = Invitation
        fields = [
            "id",
            "role",
            "note",
            "invited_by",
            "created_at",
            "expires_at",
            "accepted_at",
            "accepted_by",
            "revoked_at",
        ]
        read_only_fields = fields


class NewInvitationOut(InvitationOut):
    """An invitation with its link: to be handed on, and shown only now."""

    link = serializers.CharField(allow_null=True)
    link_note = serializers.CharField()

    class Meta(InvitationOut.Meta):
        fields = [*InvitationOut.Meta.fields, "link", "link_note"]
        read_only_fields = fields


class TokenIn(serializers.Serializer[ApiToken]):
    """What a token is for, and what it may do."""

    name = WordField(help_text="What it is for.")
    scopes = serializers.ListField(
        child=serializers.ChoiceField(Scope.choices),
        min_length=1,
        max_length=len(Scope),
        help_text="Not more than the token has that asks.",
    )
    days = serializers.IntegerField(
        default=DEFAULT_LIFE.days,
        min_value=1,
        max_value=MAX_LIFE.days,
        help_text="At most as long as the token lives that asks.",
    )

    def validate_scopes(self, wanted: list[str]) -> list[Scope]:
        """No token makes a mightier one."""
        asking: ApiToken = self.context["token"]
        if beyond := sorted(set(wanted) - set(asking.scopes)):
            raise serializers.ValidationError(
                f"The token that asks lacks {', '.join(beyond)} itself."
            )
        return [Scope(scope) for scope in wanted]

    def validate_days(self, days: int) -> timedelta:
        """None lives on beyond the one that made it."""
        asking: ApiToken = self.context["token"]
        now: datetime = self.context["now"]
        left = asking.expires_at - now - timedelta(seconds=1)
        return min(timedelta(days=days), left)


class TokenOut(serializers.ModelSerializer[ApiToken]):
    """A token, without its secret."""

    scopes = serializers.ListField(child=serializers.ChoiceField(Scope.choices))

    class Meta:
        model = ApiToken
        fields = [
            "id",
            "name",
            "scopes",
            "created_at",
            "last_used_at",
            "expires_at",
            "revoked_at",
        ]
        read_only_fields = fields


class NewTokenOut(TokenOut):
    """A token with its secret, which is shown only now."""

    secret = serializers.CharField(allow_null=True)
    secret_note = serializers.CharField()

    class Meta(TokenOut.Meta):
        fields = [*TokenOut.Meta.fields, "secret", "secret_note"]
        read_only_fields = fields
