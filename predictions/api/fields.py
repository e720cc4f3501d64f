"""Fields that the API's serializers share."""

import math
from typing import Any

from rest_framework import serializers

from predictions.models import Priority

PRIORITIES = [(priority.name.lower(), priority.label) for priority in Priority]


def check_printable(text: str) -> None:
    """Refuse control characters and marks that turn the writing direction."""
    if not text.isprintable():
        raise serializers.ValidationError(
            "Use letters, digits and punctuation only.", code="unprintable"
        )


class WordField(serializers.CharField):
    """A short text of one line."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=64, validators=[check_printable], **kwargs)


def check_text(text: str) -> None:
    """Refuse control characters, but for the ends of lines."""
    if not text.replace("\n", "").replace("\r", "").replace("\t", "").isprintable():
        raise serializers.ValidationError(
            "Use letters, digits and punctuation only.", code="unprintable"
        )


class TextField(serializers.CharField):
    """A text of several lines."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(validators=[check_text], **kwargs)


class NumberField(serializers.FloatField):
    """A number: neither NaN nor infinity, which compare as no number does."""

    def to_internal_value(self, data: Any) -> float:
        number = super().to_internal_value(data)
        if not math.isfinite(number):
            self.fail("invalid")
        return number


class PriorityField(serializers.ChoiceField):
    """`urgent` or `routine`; in Python, a Priority."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=PRIORITIES, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        return Priority[super().to_internal_value(data).upper()]

    def to_representation(self, value: Any) -> Any:
        return Priority(value).name.lower()
