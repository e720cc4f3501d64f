"""The portal's addresses, and one for every way in which a page can go wrong."""

from collections.abc import Callable
from typing import NoReturn

from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import Http404, HttpRequest
from django.urls import path

from histoapp import urls

ERRORS: dict[int, Exception] = {
    400: SuspiciousOperation(),
    403: PermissionDenied(),
    404: Http404(),
    500: RuntimeError(),
    503: OperationalError(),
}


def failing(error: Exception) -> Callable[[HttpRequest], NoReturn]:
    def fail(request: HttpRequest) -> NoReturn:
        raise error

    return fail


handler400 = urls.handler400
handler403 = urls.handler403
handler404 = urls.handler404
handler500 = urls.handler500
urlpatterns = [
    *(path(f"broken/{status}/", failing(error)) for status, error in ERRORS.items()),
    *urls.urlpatterns,
]
