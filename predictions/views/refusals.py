"""How a service's no looks to a person."""

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

from predictions.services.errors import ServiceError
from predictions.services.rates import TooManyError
from predictions.views.access import wants_json


def refusal(request: HttpRequest, error: ServiceError) -> HttpResponse:
    """The error page with the service's words, or JSON for a script of ours."""
    headers = {}
    if isinstance(error, TooManyError):
        headers["Retry-After"] = str(error.retry_after_s)
    if wants_json(request):
        said = {"message": str(error)}
        return JsonResponse(said, status=error.status, headers=headers)
    context = {
        "status": error.status,
        "title": error.title,
        "advice": str(error),
        "number": uuid.uuid4(),
    }
    page = render_to_string("errors/error.html", context, request)
    return HttpResponse(page, status=error.status, headers=headers)
