"""For probes: is the process there, and could it accept an image now?"""

from django.db import Error, connection
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from predictions.images.errors import ImageError
from predictions.services.storage import store


@require_safe
@never_cache
def health_live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"live": True})


@require_safe
@never_cache
def health_ready(request: HttpRequest) -> JsonResponse:
    """PostgreSQL and the storage; neither Redis nor the model server: accepting and
    reading go on without them."""
    parts = {"postgresql": _database_answers(), "storage": _storage_takes()}
    ready = all(parts.values())
    return JsonResponse({"ready": ready, **parts}, status=200 if ready else 503)


def _database_answers() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        return False
    return True


def _storage_takes() -> bool:
    try:
        with store().begin() as part:
            part.write(b"ready?")
    except (OSError, ImageError):
        return False
    return True
