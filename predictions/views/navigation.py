"""What every page's frame asks."""

from typing import Any

from django.http import HttpRequest

from predictions.views import people_queries


def navigation(request: HttpRequest) -> dict[str, Any]:
    """A context processor; asked for only where a template does."""

    def administers() -> bool:
        mine = people_queries.administered_laboratories
        return request.user.is_authenticated and mine(request.user).exists()

    return {"administers": administers}
