"""What becomes of received files: each accepted once, or refused in words."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework.request import Request

from predictions.api import problems
from predictions.api.repeats import as_json, digest, read_key
from predictions.api.requests import person
from predictions.api.serializers.uploads import UploadResultOut
from predictions.models import Case, Image
from predictions.services.errors import ServiceError
from predictions.services.images import (
    DuplicateImageError,
    ReceivedFile,
    submit_image,
)
from predictions.services.repeats import Answer, answer_once, refuse_reuse

OK, CREATED = 200, 201


class Delivery:
    """The files of one upload to a case, and what is said about them.

    Each file is one transaction, and has its own part of the request's key: the
    laboratory's audit chain is not held while the next file is decoded, and whatever
    breaks off is taken up where it broke.
    """

    def __init__(
        self, request: Request, case: Case, files: Sequence[ReceivedFile]
    ) -> None:
        self._request = request
        self._case = case
        self._files = files
        self._said: Mapping[str, Any] = {}
        self._keys: list[str | None] = [None] * len(files)
        self._sha256 = ""

    def accept(self, said: Mapping[str, Any]) -> list[Answer]:
        """An answer for each file. A single one that is refused raises.

        Raises KeyReusedError, and of a single file what submit_image raises.
        """
        self._said = said
        if key := read_key(self._request):
            self._prepare(key)
        if len(self._files) == 1:
            return [self._accept(0)]
        return [self._try(place) for place in range(len(self._files))]

    def _prepare(self, key: str) -> None:
        keys = [key, *(_part(key, place) for place in range(1, len(self._files)))]
        said = json.dumps(self._said, sort_keys=True).encode()
        hashes = [file.part.sha256.encode() for file in self._files]
        self._keys[:] = keys
        self._sha256 = digest(self._request, said, *hashes)
        refuse_reuse(user=person(self._request), keys=keys, request_sha256=self._sha256)

    def _try(self, place: int) -> Answer:
        """One file of several: a refusal is its own, not its neighbours'."""
        try:
            return self._accept(place)
        except ServiceError as error:
            return self._answer(
                place, status=error.status, problem=problems.of_service(error)
            )

    def _accept(self, place: int) -> Answer:
        key = self._keys[place]
        if key is None:
            return self._submit(place)
        return answer_once(
            user=person(self._request),
            key=key,
            request_sha256=self._sha256,
            act=lambda: self._submit(place),
        )

    def _submit(self, place: int) -> Answer:
        try:
            submission = submit_image(
                case=self._case,
                uploaded_by=person(self._request),
                received=self._files[place],
                spacing_um=self._said.get("spacing_um"),
                magnification=self._said.get("magnification"),
                specimen_label=self._said["specimen"],
            )
        except DuplicateImageError as error:
            return self._answer(place, status=OK, image=error.image)
        return self._answer(place, status=CREATED, image=submission.image)

    def _answer(
        self,
        place: int,
        *,
        status: int,
        image: Image | None = None,
        problem: dict[str, object] | None = None,
    ) -> Answer:
        result = {
            "status": status,
            "filename": self._files[place].filename,
            "duplicate": image is not None and status == OK,
            "image": image,
            "problem": problem,
        }
        shown = UploadResultOut(result, context={"request": self._request})
        body = as_json(shown.data)
        return Answer(status, body, body)


def _part(key: str, place: int) -> str:
    """The key of one file among several: as random as the request's own."""
    return hashlib.sha256(f"{key}\0{place}".encode()).hexdigest()
