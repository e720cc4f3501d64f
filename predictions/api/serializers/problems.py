"""The shape of a refusal."""

from rest_framework import serializers


class ProblemOut(serializers.Serializer[object]):
    """Why something was refused (RFC 9457)."""

    type = serializers.CharField(
        help_text="The kind, as the address of a page about it. For programs."
    )
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    instance = serializers.CharField()
