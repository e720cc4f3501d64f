"""Who may open a page: the door that every view of the portal stands behind."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, cast

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils.cache import add_never_cache_headers

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_htmx.middleware import HtmxDetails

    class SignedInRequest(HttpRequest):
        """A request of a person whom we know."""

        user: User
        htmx: HtmxDetails

else:
    SignedInRequest = HttpRequest

P = ParamSpec("P")

JSON = "application/json"
SIGNED_OUT = (
    "You are signed out. Reload this page, sign in, and choose the files again."
)


def wants_json(request: HttpRequest) -> bool:
    """Whether a script of ours asks, not a browser that wants a page."""
    return request.get_preferred_type(["text/html", JSON]) == JSON


def signed_in(
    view: Callable[Concatenate[SignedInRequest, P], HttpResponseBase],
) -> Callable[Concatenate[HttpRequest, P], HttpResponseBase]:
    """Only for people who signed in; kept by no cache, unless the view says so.

    A page leads to the sign-in page, a part of a page makes the page reload (and so
    leads there), a script gets 401 and words.
    """

    @wraps(view)
    def checked(
        request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs
    ) -> HttpResponseBase:
        if request.user.is_authenticated:
            response = view(cast("SignedInRequest", request), *args, **kwargs)
        else:
            response = _ask_to_sign_in(request)
        if "Cache-Control" not in response:
            add_never_cache_headers(response)
        return response

    return checked


def _ask_to_sign_in(request: HttpRequest) -> HttpResponse:
    if getattr(request, "htmx", False):
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    if wants_json(request):
        return JsonResponse({"message": SIGNED_OUT}, status=401)
    here = request.get_full_path() if request.method == "GET" else "/"
    return redirect_to_login(here)
