"""How many µm one pixel of an image is, said after it was accepted."""

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F

from predictions.models import Analysis, Image
from predictions.services.analyses import ask_again
from predictions.services.audit import record_event
from predictions.services.case_status import restating
from predictions.services.errors import ConflictError
from predictions.services.images import check_spacing
from predictions.services.laboratories import UPLOADERS, require_role
from predictions.services.standing import hold_standing


class SpacingChangedError(ConflictError):
    """Somebody stated another spacing since the image was looked at."""

    code = "spacing_changed"


@transaction.atomic
def state_spacing(*, image: Image, spacing_um: float, stated_by: User) -> Analysis:
    """Put a person's word in place of an unknown, assumed or wrong spacing; ask anew.

    Answers that are there keep the spacing that they used.
    Raises NotAllowedError, SpacingRefusedError, SpacingChangedError,
    ImageWithdrawnError, ImagePurgedError, AnalysisUnfinishedError; then the spacing
    is as it was.
    """
    laboratory = image.case.laboratory
    require_role(laboratory=laboratory, user=stated_by, roles=UPLOADERS)
    check_spacing(spacing_um)
    with restating(image.case):  # Held before the image, as everybody does.
        hold_standing(image=image)
        if not Image.objects.state_spacing(image, spacing_um):
            raise SpacingChangedError(
                "Somebody stated this image's spacing meanwhile. "
                "Look at it again first."
            )
        again = ask_again(analysis=_newest(image), asked_by=stated_by)
    record_event(
        laboratory=laboratory,
        actor=stated_by,
        action="image.state_spacing",
        subject=f"image:{image.pk}",
        detail={
            "before_um": image.spacing_um,
            "before_assumed": image.spacing_assumed,
            "spacing_um": spacing_um,
            "analysis": str(again.pk),
        },
    )
    return again


def _newest(image: Image) -> Analysis:
    """The one under way, which asking again refuses; or else the last that ended."""
    ended_last = F("finished_at").desc(nulls_first=True)
    return image.analyses.order_by(ended_last, "-created_at")[0]
