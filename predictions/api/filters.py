"""What lists can be narrowed and ordered by: an allow-list, and nothing else."""

from collections.abc import Mapping
from typing import Any, ClassVar, TypeVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.filters import BaseFilterBackend
from rest_framework.request import Request
from rest_framework.views import APIView

from predictions.api.fields import PriorityField, WordField
from predictions.api.requests import person
from predictions.models import (
    CaseStatus,
    Consent,
    JobStatus,
    Laboratory,
    Membership,
    Role,
)
from predictions.services.worklist import ME, NOBODY, Filters, narrow

Asked = TypeVar("Asked", bound=serializers.Serializer[object])


class Query(serializers.Serializer[object]):
    """The parameters of a list. `lookups` names the column behind each filter."""

    cursor = serializers.CharField(
        required=False, max_length=2000, help_text="Where `next` of a page leads."
    )
    page_size = serializers.IntegerField(default=50, min_value=1, max_value=200)

    lookups: ClassVar[Mapping[str, str]] = {}

    def columns(self) -> list[str]:
        """What is ordered by; the id last, so that no row is on two pages."""
        ordering: str = self.validated_data["ordering"]
        return [ordering, "-pk" if ordering.startswith("-") else "pk"]

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows that were asked for."""
        wanted = {
            column: self.validated_data[name]
            for name, column in self.lookups.items()
            if name in self.validated_data
        }
        return rows.filter(**wanted)


class CasesQuery(serializers.Serializer[object]):
    """Which cases: the worklist's own filters."""

    text = WordField(
        required=False, help_text="A part of the accession number or patient code."
    )
    status = serializers.ChoiceField(CaseStatus.choices, required=False)
    priority = PriorityField(required=False)
    assignee = WordField(
        required=False, help_text="A username; `me`; or `nobody`: cases without one."
    )
    laboratory = serializers.UUIDField(required=False)
    training_consent = serializers.ChoiceField(Consent.choices, required=False)
    opened_from = serializers.DateField(required=False, help_text="Included.")
    opened_to = serializers.DateField(required=False, help_text="Included.")

    def validate_assignee(self, stated: str) -> str | int:
        if stated in {ME, NOBODY}:
            return stated
        mine = Laboratory.objects.visible_to(person(self.context["request"]))
        colleague = Membership.objects.filter(
            laboratory__in=mine, user__username=stated
        ).first()
        if colleague is None:
            raise serializers.ValidationError("Name a member, `me` or `nobody`.")
        return colleague.user_id

    def filters(self) -> Filters:
        """As the services want them."""
        names = {"training_consent": "consent"}
        known = {*Filters.__dataclass_fields__, *names}
        return Filters(
            **{
                names.get(name, name): value
                for name, value in self.validated_data.items()
                if name in known
            }
        )


class ExportQuery(CasesQuery):
    """Which cases a table is about."""


class CaseQuery(Query, CasesQuery):
    """Which cases."""

    accession_number = WordField(required=False, help_text="A part of it.")
    patient = WordField(required=False, help_text="The whole code.")
    ordering = serializers.ChoiceField(
        [
            *("-created_at", "created_at", "accession_number", "-accession_number"),
            *("priority", "-priority"),
        ],
        default="-created_at",
    )

    lookups = {
        "accession_number": "accession_number__icontains",
        "patient": "patient__code",
    }

    def columns(self) -> list[str]:
        """Of one priority, the newest first."""
        *columns, key = super().columns()
        if columns[0].endswith("priority"):
            return [*columns, "-created_at", "-pk"]
        return [*columns, key]

    def narrow(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """By the worklist's filters, and by these."""
        user = person(self.context["request"])
        return narrow(super().narrow(rows), filters=self.filters(), user=user)


class ImageQuery(Query):
    """Which images of a case."""

    ordering = serializers.ChoiceField(
        ["uploaded_at", "-uploaded_at"], default="uploaded_at"
    )


class MessageQuery(Query):
    """Which messages of a case."""

    ordering = serializers.ChoiceField(
        ["created_at", "-created_at"], default="created_at"
    )


class ReviewQuery(Query):
    """Which reviews of an answer."""

    ordering = serializers.ChoiceField(
        ["-created_at", "created_at"], default="-created_at"
    )


class LaboratoryQuery(Query):
    """Which of one's laboratories."""

    ordering = serializers.ChoiceField(["name", "-name"], default="name")


class MemberQuery(Query):
    """Which members of a laboratory."""

    role = serializers.ChoiceField(Role.choices, required=False)
    ordering = serializers.ChoiceField(["joined_at", "-joined_at"], default="joined_at")

    lookups = {"role": "role"}


class InvitationQuery(Query):
    """Which invitations of a laboratory."""

    ordering = serializers.ChoiceField(
        ["-created_at", "created_at"], default="-created_at"
    )


class TokenQuery(InvitationQuery):
    """Which of one's tokens."""


class AuditQuery(Query):
    """Which events of a laboratory's trail."""

    action = WordField(required=False, help_text="The whole word: case.open.")
    subject = WordField(required=False, help_text="case:<id>, image:<id>, ...")
    actor = WordField(required=False, help_text="The username at that time.")
    ordering = serializers.ChoiceField(["-sequence", "sequence"], default="-sequence")

    lookups = {"action": "action", "subject": "subject", "actor": "actor"}


class AnalysisQuery(Query):
    """Which analyses."""

    case = serializers.UUIDField(required=False)
    image = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(JobStatus.choices, required=False)
    ordering = serializers.ChoiceField(
        ["-created_at", "created_at"], default="-created_at"
    )

    lookups = {"case": "image__case", "image": "image", "status": "status"}


class FetchQuery(Query):
    """Which fetches."""

    case = serializers.UUIDField(required=False)
    status = serializers.ChoiceField(JobStatus.choices, required=False)
    ordering = serializers.ChoiceField(
        ["-created_at", "created_at"], default="-created_at"
    )

    lookups = {"case": "case", "status": "status"}


class ListedFilter(BaseFilterBackend):
    """Applies the view's `query_class`; refuses a parameter that it does not list."""

    def filter_queryset(
        self, request: Request, queryset: QuerySet[Any], view: APIView
    ) -> QuerySet[Any]:
        query_class: type[Query] = view.query_class  # type: ignore[attr-defined] # Ours.
        asked = ask(query_class, request)
        view.asked = asked  # type: ignore[attr-defined] # For the page's cut.
        return asked.narrow(queryset)


def ask(query_class: type[Asked], request: Request) -> Asked:
    """The parameters, checked. Raises ValidationError for one that is not listed."""
    asked = query_class(data=request.query_params.dict(), context={"request": request})
    if unknown := sorted(set(request.query_params) - set(asked.fields)):
        listed = ", ".join(sorted(asked.fields))
        raise serializers.ValidationError(
            {name[:64]: f"Known are: {listed}." for name in unknown}
        )
    asked.is_valid(raise_exception=True)
    return asked
