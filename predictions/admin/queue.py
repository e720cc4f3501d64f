"""The review queue: what waits for a pathologist, the uncertain first."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.timezone import localtime

from predictions.admin import queue_acts
from predictions.admin.analyses import PredictionAdmin
from predictions.admin.laboratory_filter import LaboratoryFilter
from predictions.admin.pictures import send_thumbnail
from predictions.admin.queue_filters import ASSIGNEE, AssigneeFilter
from predictions.admin.windows import acting
from predictions.models import Case, ReviewQueue

CASE = "analysis__image__case"
UNSEEN = (
    "Choose answers on this page, not on all pages at once: a review is of what was "
    "looked at. Nothing was done."
)


@admin.register(ReviewQueue)
class ReviewQueueAdmin(PredictionAdmin):
    """Its rows are answers; what is done about them is done by the services."""

    reading: ClassVar[str] = "prediction"
    list_display = [
        "thumbnail",
        "of",
        "said",
        "score",
        "interval",
        "priority",
        "age",
        "assignee",
    ]
    list_display_links = None
    list_select_related = [
        f"{CASE}__laboratory",
        f"{CASE}__assignee",
        "model_version",
    ]
    list_filter = [
        (f"{CASE}__laboratory", LaboratoryFilter),
        "model_version",
        "outcome",
        f"{CASE}__priority",
        "spacing_assumed",
        AssigneeFilter,
    ]
    search_fields = [f"{CASE}__accession_number"]
    search_help_text = "By accession number."
    actions = [
        queue_acts.agree,
        queue_acts.override,
        queue_acts.ask_anew,
        queue_acts.assign_to_me,
    ]

    def get_urls(self) -> list[URLPattern]:
        picture = path(
            "<uuid:image_id>/thumbnail/",
            self.admin_site.admin_view(self.thumbnail_view),
            name="predictions_reviewqueue_thumbnail",
        )
        return [picture, *super().get_urls()]

    def thumbnail_view(self, request: HttpRequest, image_id: UUID) -> HttpResponseBase:
        return send_thumbnail(request, image_id)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {"title": "Answers to review", **(extra_context or {})}
        return super().changelist_view(request, context)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return ["urgency", "distance", "since"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        answers: QuerySet[Any] = super().get_queryset(request)
        return answers.seen_by(acting(request))  # type: ignore[attr-defined,no-any-return]  # The queue's own.

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *location: Any
    ) -> HttpResponse | None:
        if request.POST.get("select_across") == "1":
            self.message_user(request, UNSEEN, messages.ERROR)
            return None
        answers = queryset.select_related(*self.list_select_related)
        return super().response_action(request, answers, *location)

    @admin.display(description="image")
    def thumbnail(self, answer: ReviewQueue) -> str:
        address = reverse(
            "admin:predictions_reviewqueue_thumbnail", args=[answer.analysis.image_id]
        )
        return format_html(
            '<img class="thumbnail" src="{}" alt="" loading="lazy" width="96" '
            'height="72">',
            address,
        )

    @admin.display(description="case", ordering=f"{CASE}__accession_number")
    def of(self, answer: Any) -> str:
        """Leads to the portal's page; who is no member there, to the record's."""
        image = answer.analysis.image
        page = "image-detail" if answer.is_mine else "admin:predictions_image_change"
        return format_html('<a href="{}">{}</a>', reverse(page, args=[image.pk]), image)

    @admin.display(description="answer", ordering="outcome")
    def said(self, answer: Any) -> str:
        """With what the queue itself knows of the answer."""
        notes = [answer.get_outcome_display().capitalize()]
        if answer.spacing_assumed:
            notes.append("spacing assumed")
        if answer.is_asked_again:
            notes.append("asked again, waiting")
        return ", ".join(notes)

    @admin.display(ordering=f"{CASE}__priority")
    def priority(self, answer: ReviewQueue) -> str:
        return answer.analysis.image.case.get_priority_display()

    @admin.display(description="answered", ordering="created_at")
    def age(self, answer: ReviewQueue) -> str:
        at = localtime(answer.created_at)
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            at.isoformat(timespec="seconds"),
            at.strftime("%Y-%m-%d %H:%M:%S %Z"),
            naturaltime(at),
        )

    @admin.display(ordering=f"{ASSIGNEE}__username")
    def assignee(self, answer: ReviewQueue) -> str:
        case: Case = answer.analysis.image.case
        return case.assignee.get_username() if case.assignee else "nobody"
