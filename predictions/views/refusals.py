"""How a service's no looks to a person."""

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

from predictions.services.errors import ServiceError
from predictions.views.access import wants_json


def refusal(request: HttpRequest, error: ServiceError) -> HttpResponse:
    """The error page with the service's words, or JSON for a script of ours."""
    if wants_json(request):
        return JsonResponse({"message": str(error)}, status=error.status)
    context = {
        "status": error.status,
        "title": error.title,
        "advice": str(error),
        "number": uuid.uuid4(),
    }
    return render(request, "errors/error.html", context, status=error.status)
