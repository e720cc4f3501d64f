"""What people of a laboratory tell each other about a case."""

from django.contrib.auth.models import User
from django.db import transaction

from predictions.models import Case, Message, Role
from predictions.services.audit import record_event
from predictions.services.laboratories import require_role
from predictions.services.words import check_words

MAX_CHARACTERS = 4000


@transaction.atomic
def post_message(*, case: Case, author: User, text: str) -> Message:
    """Put a note on the case, for everybody of its laboratory. It cannot be changed.

    The trail tells that there is one, not what it says.
    Raises NotAllowedError, WordsRefusedError.
    """
    require_role(laboratory=case.laboratory, user=author, roles=tuple(Role))
    words = check_words(text, what="The message", least=1, most=MAX_CHARACTERS)
    message = Message.objects.create(case=case, author=author, text=words)
    record_event(
        laboratory=case.laboratory,
        actor=author,
        action="message.post",
        subject=f"case:{case.pk}",
        detail={"message": str(message.pk)},
    )
    return message
