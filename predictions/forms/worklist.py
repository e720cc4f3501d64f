"""How a person narrows and sorts the worklist, and what is done to several cases."""

from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth.models import User

from predictions.models import CaseStatus, Consent, Laboratory, Priority
from predictions.services.cases import assignees
from predictions.services.worklist import (
    DEFAULT_ORDER,
    ME,
    NOBODY,
    Filters,
)

ORDERS = [
    (DEFAULT_ORDER, "Urgent work first, then the newest"),
    ("-opened", "Newest first"),
    ("opened", "Oldest first"),
    ("accession_number", "Accession number, A to Z"),
    ("-accession_number", "Accession number, Z to A"),
    ("patient", "Patient code, A to Z"),
    ("-patient", "Patient code, Z to A"),
    ("status", "State, the pressing ones first"),
    ("-status", "State, the finished ones first"),
    ("priority", "Priority, urgent first"),
    ("-priority", "Priority, routine first"),
]
MAX_PAGE = 1_000_000
DAY = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
DAYS = ["%Y-%m-%d"]


@dataclass(frozen=True)
class Chip:
    """A filter that narrows, and by which name it is taken off."""

    name: str
    label: str
    value: str


class WorklistForm(forms.Form):
    """The filters, the order and the page: all of what a worklist's address says."""

    q = forms.CharField(
        label="Search",
        max_length=64,
        required=False,
        widget=forms.TextInput(
            attrs={
                "type": "search",
                "autocomplete": "off",
                "placeholder": "Accession number or patient code",
            }
        ),
    )
    status = forms.ChoiceField(
        label="State", choices=[("", "Any"), *CaseStatus.choices], required=False
    )
    priority = forms.TypedChoiceField(
        choices=[("", "Any"), *Priority.choices],
        coerce=int,
        empty_value=None,
        required=False,
    )
    assignee = forms.ChoiceField(required=False)
    consent = forms.ChoiceField(
        label="Training consent",
        choices=[("", "Any"), *Consent.choices],
        required=False,
    )
    laboratory = forms.ModelChoiceField(
        Laboratory.objects.none(), empty_label="Any", required=False
    )
    opened_from = forms.DateField(
        label="Opened from", widget=DAY, input_formats=DAYS, required=False
    )
    opened_to = forms.DateField(
        label="Opened to", widget=DAY, input_formats=DAYS, required=False
    )
    order = forms.ChoiceField(label="Sort by", choices=ORDERS, required=False)
    page = forms.IntegerField(min_value=1, max_value=MAX_PAGE, required=False)

    # Of these a chip is shown each.
    FILTERS = (
        *("q", "status", "priority", "assignee", "consent", "laboratory"),
        *("opened_from", "opened_to"),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Laboratory.objects.visible_to(user)
        self.laboratories: list[Laboratory] = list(mine)
        people = {ME: "Me", NOBODY: "Nobody"} | {
            str(person.pk): person.get_username()
            for person in assignees(self.laboratories)
        }
        self._words: dict[str, dict[str, str]] = {
            "status": dict(CaseStatus.choices),
            "priority": {str(value): label for value, label in Priority.choices},
            "consent": dict(Consent.choices),
            "assignee": people,
        }
        self.fields["assignee"] = forms.ChoiceField(
            choices=[("", "Anybody"), *people.items()], required=False
        )
        if len(self.laboratories) > 1:
            self.fields["laboratory"] = forms.ModelChoiceField(
                mine, empty_label="Any", required=False
            )
        else:
            del self.fields["laboratory"]
        self.full_clean()

    @property
    def wanted(self) -> Filters:
        """What narrows; a value that is none of the choices does not."""
        said = self.cleaned_data
        laboratory = said.get("laboratory")
        assignee = said.get("assignee", "")
        return Filters(
            text=said.get("q", ""),
            status=said.get("status", ""),
            priority=said.get("priority"),
            assignee=int(assignee) if assignee.isdigit() else assignee,
            laboratory=laboratory.pk if laboratory else None,
            consent=said.get("consent", ""),
            opened_from=said.get("opened_from"),
            opened_to=said.get("opened_to"),
        )

    @property
    def wanted_order(self) -> str:
        return str(self.cleaned_data.get("order") or DEFAULT_ORDER)

    @property
    def wanted_page(self) -> int:
        return int(self.cleaned_data.get("page") or 1)

    @property
    def is_wrong(self) -> bool:
        """Whether a filter is none; an odd page number alone shows the first page."""
        return bool(set(self.errors) - {"page"})

    @property
    def chips(self) -> list[Chip]:
        """The filters in use, in words."""
        return [
            Chip(
                name,
                str(self.fields[name].label or name.capitalize()),
                self._word(name),
            )
            for name in self.FILTERS
            if self.cleaned_data.get(name) not in {"", None}
        ]

    def _word(self, name: str) -> str:
        value = str(self.cleaned_data[name])
        return self._words.get(name, {}).get(value, value)


class BulkForm(forms.Form):
    """What is done to the chosen cases."""

    MINE, NOBODYS, URGENT, ROUTINE = "mine", "nobodys", "urgent", "routine"

    do = forms.ChoiceField(
        choices=[(name, name) for name in (MINE, NOBODYS, URGENT, ROUTINE)]
    )
