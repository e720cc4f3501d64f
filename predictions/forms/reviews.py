"""A pathologist's reading of an answer."""

from typing import Any

from django import forms

from predictions.models import Verdict
from predictions.services.reviews import COMMENT_CHARACTERS, SCORED


class ReviewForm(forms.Form):
    """One choice; and words, which an override needs.

    outcome: the model's. Where that is a verdict, to choose it is to agree.
    """

    verdict = forms.ChoiceField(
        label="Your reading",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose your reading."},
    )
    comment = forms.CharField(
        required=False,
        max_length=COMMENT_CHARACTERS,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, outcome: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outcome = outcome if outcome in SCORED else None
        verdict = self.fields["verdict"]
        if isinstance(verdict, forms.ChoiceField):
            verdict.choices = self._choices()
        if self.outcome:
            self.fields["comment"].help_text = "An override says why."

    def _choices(self) -> list[tuple[str, str]]:
        """To agree comes first: it is chosen most often."""
        if self.outcome is None:
            return [(verdict.value, verdict.label) for verdict in Verdict]
        agreed = Verdict(self.outcome)
        others = [verdict for verdict in Verdict if verdict != agreed]
        return [
            (agreed.value, f"Agree with the model: {agreed.label.lower()}"),
            *((one.value, f"Override: {one.label.lower()}") for one in others),
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        verdict, comment = cleaned.get("verdict"), cleaned.get("comment")
        is_override = self.outcome and verdict and verdict != self.outcome
        if is_override and not comment and "comment" not in self.errors:
            self.add_error("comment", "Say why you read it otherwise.")
        return cleaned
