"""What every text field refuses."""

from django.core.exceptions import ValidationError


def check_printable(text: str) -> None:
    """Refuse control characters and marks that turn the writing direction."""
    if not text.isprintable():
        raise ValidationError("Use letters, digits and punctuation only.")
