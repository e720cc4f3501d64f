"""What people of a laboratory tell each other about a case."""

from django.contrib.auth.models import User
from django.db import transaction

from predictions.models import Case, Message, Role
from predictions.services.audit import record_event
from predictions.services.errors import ServiceError
from predictions.services.laboratories import require_role

MAX_CHARACTERS = 4000


class MessageRefusedError(ServiceError):
    """It says nothing, or too much."""

    status = 422
    code = "message_refused"
    title = "This message was not posted"


@transaction.atomic
def post_message(*, case: Case, author: User, text: str) -> Message:
    """Put a note on the case, for everybody of its laboratory. It cannot be changed.

    The trail tells that there is one, not what it says.
    Raises NotAllowedError, MessageRefusedError.
    """
    require_role(laboratory=case.laboratory, user=author, roles=tuple(Role))
    said = text.strip()
    if not 1 <= len(said) <= MAX_CHARACTERS:
        raise MessageRefusedError(
            f"Write between 1 and {MAX_CHARACTERS} characters; these are {len(said)}."
        )
    message = Message.objects.create(case=case, author=author, text=said)
    record_event(
        laboratory=case.laboratory,
        actor=author,
        action="message.post",
        subject=f"case:{case.pk}",
        detail={"message": str(message.pk)},
    )
    return message
