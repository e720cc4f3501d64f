"""What a person sends to import a folder: the list, and what lies in the folder."""

import json
from typing import Any

from django import forms
from django.contrib.auth.models import User

from predictions.models import Laboratory, Membership
from predictions.services.errors import ServiceError
from predictions.services.laboratories import UPLOADERS

MAX_FILES = 20_000  # In the folder; 2 MB hold as many names of some length.


class ImportForm(forms.Form):
    """The laboratory: one of those where the person may open cases."""

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        mine = Membership.objects.of(user).filter(role__in=UPLOADERS)
        laboratories = Laboratory.objects.filter(memberships__in=mine)
        only_one = len(laboratories) == 1
        self.fields["laboratory"] = forms.ModelChoiceField(
            laboratories,
            empty_label=None,
            initial=laboratories[0].pk if only_one else None,
            widget=forms.HiddenInput if only_one else forms.Select,
        )


class FormRefusedError(ServiceError):
    """What was sent beside the list is not what our own page would send."""

    status = 422
    code = "form_refused"


def read_folder(content: bytes | None) -> dict[str, int] | None:
    """Names and sizes in bytes, from JSON [[name, size], ...]; None if not sent.

    Raises FormRefusedError.
    """
    if content is None:
        return None
    try:
        pairs = json.loads(content)
        folder = {str(name): int(size_bytes) for name, size_bytes in pairs}
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise FormRefusedError(
            "The folder could not be read. Reload this page and choose it again."
        ) from error
    if len(folder) > MAX_FILES:
        raise FormRefusedError(
            f"The folder holds more than {MAX_FILES:,} files. Import a part of it."
        )
    return folder
