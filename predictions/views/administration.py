"""The door of the pages about a laboratory's people, settings and trail."""

from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.http import HttpResponse, HttpResponseBase

from predictions.services.errors import ServiceError
from predictions.services.laboratories import require_administrator
from predictions.views import people_queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.queries import found
from predictions.views.refusals import refusal


def administered(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponseBase]:
    """Only for a laboratory's administrators, and superusers.

    The view is given the laboratory after the request. Another member is told whom to
    ask; to anybody else the laboratory is not there.
    """

    @signed_in
    def checked(
        request: SignedInRequest, /, laboratory_id: UUID, **ids: Any
    ) -> HttpResponse:
        known = people_queries.known_laboratories(request.user)
        laboratory = found(known, laboratory_id)
        try:
            require_administrator(laboratory=laboratory, user=request.user)
            return view(request, laboratory, **ids)
        except ServiceError as error:
            return refusal(request, error)

    return wraps(view)(checked)
