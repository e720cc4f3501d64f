"""What is polled: answered whole once, and with 304 while it is the same."""

import hashlib

from django.http import HttpResponseBase
from django.utils.cache import get_conditional_response, patch_vary_headers
from rest_framework.request import Request
from rest_framework.response import Response


def add_etag(request: Request, response: Response) -> None:
    """A strong ETag over the rendered body, and 304 to who has that very body."""
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ["Authorization"])

    def tagged(rendered: Response) -> HttpResponseBase | None:
        etag = f'"{hashlib.sha256(rendered.content).hexdigest()}"'
        rendered["ETag"] = etag
        same: HttpResponseBase | None = get_conditional_response(
            request._request,  # noqa: SLF001 - Django's function wants Django's request.
            etag=etag,
            response=rendered,
        )
        return same

    response.add_post_render_callback(tagged)
