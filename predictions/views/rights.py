"""What to offer a person on an image's page; the services decide again."""

from dataclasses import dataclass

from django.contrib.auth.models import User

from predictions.services.laboratories import KEEPERS, READERS, UPLOADERS
from predictions.views import queries
from predictions.views.shown import Picture


@dataclass(frozen=True)
class Rights:
    """Each is whether to offer it."""

    ask: bool
    review: bool
    withdraw: bool
    move: bool
    original: bool

    @classmethod
    def over(cls, picture: Picture, user: User) -> "Rights":
        image = picture.image
        role = queries.role_in(user, image.case)
        is_standing, is_kept = not image.is_void, image.purged_at is None
        is_whole = is_standing and is_kept
        return cls(
            ask=is_whole and role in UPLOADERS,
            review=is_whole and role in READERS and picture.answered is not None,
            withdraw=is_standing and role in UPLOADERS,
            move=is_whole and role in UPLOADERS,
            original=is_kept and role in KEEPERS,
        )
