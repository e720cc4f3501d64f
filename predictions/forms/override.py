"""What a pathologist says of answers that the model got wrong, or left open."""

from typing import Any

from django import forms

from predictions.models import Verdict
from predictions.services.reviews import COMMENT_CHARACTERS, SCORED


class OverrideForm(forms.Form):
    """One verdict and one comment for all the chosen answers."""

    verdict = forms.ChoiceField(
        label="Your verdict", choices=Verdict, widget=forms.RadioSelect
    )
    comment = forms.CharField(
        label="Why you read it so",
        required=False,
        max_length=COMMENT_CHARACTERS,
        widget=forms.Textarea({"rows": 4}),
        help_text="Needed where the model gave another verdict.",
    )

    def __init__(self, *args: Any, outcomes: set[str], **kwargs: Any) -> None:
        """outcomes: what the model said of the chosen answers."""
        super().__init__(*args, **kwargs)
        self._outcomes = outcomes

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        others = self._outcomes & set(SCORED) - {said.get("verdict")}
        if "verdict" in said and others and not said.get("comment", "").strip():
            self.add_error(
                "comment",
                f"The model said {' and '.join(sorted(others))}: say why you do not.",
            )
        return said
