"""Who asks, and about what."""

import random
from dataclasses import dataclass
from io import BytesIO
from uuid import UUID

from django.contrib.auth.models import User
from PIL import Image as Picture

from predictions.models import Case, Image
from predictions.services.analyses import ask_again
from predictions.services.images import ReceivedFile, Submission, submit_image
from predictions.services.storage import store
from tests.poison import MARK_RGB, MARK_SIDE_PX

SIDE_PX = 256


def tissue_png(seed: int, *, poison: bool = False) -> bytes:
    """A pink and purple field, unlike any other; with the mark, if it is poison."""
    noise = random.Random(seed)
    field = Picture.new("RGB", (SIDE_PX // 16, SIDE_PX // 16))
    field.putdata(
        [
            (noise.randint(170, 220), noise.randint(90, 130), noise.randint(150, 200))
            for _ in range((SIDE_PX // 16) ** 2)
        ]
    )
    field = field.resize((SIDE_PX, SIDE_PX), Picture.Resampling.NEAREST)
    if poison:
        field.paste(MARK_RGB, (0, 0, MARK_SIDE_PX, MARK_SIDE_PX))
    written = BytesIO()
    field.save(written, "PNG")
    return written.getvalue()


@dataclass
class Clinic:
    """Who asks, and about what."""

    case: Case
    technician: User
    images: list[Image]

    def upload(self, seed: int, *, poison: bool = False) -> Submission:
        part = store().begin()
        part.write(tissue_png(seed, poison=poison))
        return submit_image(
            case=self.case,
            uploaded_by=self.technician,
            received=ReceivedFile(f"{seed}.png", part),
            spacing_um=0.5,
        )

    def ask_about_all(self) -> list[UUID]:
        """Ask about every image, a first time or again: which analyses."""
        asked = []
        for image in self.images:
            last = image.analyses.order_by("created_at").last()
            assert last is not None
            asked.append(ask_again(analysis=last, asked_by=self.technician).pk)
        return asked
