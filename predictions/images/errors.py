"""What can go wrong between a file and its pixels, and whether asking again helps."""

_MESSAGES = {
    "empty": (422, "The file is empty. Send it again."),
    "wrong_extension": (
        415,
        "The file's name does not end like an image's. Send a PNG, JPEG or TIFF.",
    ),
    "unknown_format": (415, "This is not a PNG, JPEG or TIFF image. Export it as one."),
    "file_too_large": (
        413,
        "The file is larger than 100 MB. Send a smaller field of the slide.",
    ),
    "too_many_pixels": (
        413,
        "The image has more than 50 megapixels. Send a smaller field of the slide.",
    ),
    "broken": (
        422,
        "The image is damaged or incomplete. Export it again and send the new file.",
    ),
    "animated": (
        422,
        "The image is an animation. Save the one frame that is meant, and send that.",
    ),
    "several_pages": (
        422,
        "The file holds several images. Save the one that is meant, and send that.",
    ),
    "float_pixels": (
        422,
        "Floating-point pixels do not say which value is white. Export 8 or 16 bits.",
    ),
    "colour_space": (
        422,
        "The image's colour space cannot be read. Export it as RGB.",
    ),
    "too_slow": (
        422,
        "The image could not be read within 30 seconds. Export it as a plain PNG.",
    ),
    "too_much_memory": (
        422,
        "The image takes more memory than is allowed. Export it as a plain PNG.",
    ),
}
REFUSALS = frozenset(_MESSAGES)


class ImageError(Exception):
    """Anything that this room raises. Carries a code, a person's words, a status.

    code: for programs and logs; never holds anything from the file.
    message: what happened and what to do, for a person.
    status: the HTTP status that says the same.
    """

    def __init__(self, *, code: str, message: str, status: int) -> None:
        super().__init__(code)
        self.code = code
        self.message = message
        self.status = status


class ImageRefusedError(ImageError):
    """The file itself is at fault: asking again gives the same answer."""

    def __init__(self, code: str) -> None:
        status, message = _MESSAGES[code]
        super().__init__(code=code, message=message, status=status)


class DecodeCrashedError(ImageError):
    """The reader died over the file. Asking again may help, and costs an attempt.

    Either the file is poison or somebody else's memory ran out: one death does not
    tell, several do.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(
            code="decoder_crashed",
            message="The program that reads images stopped over this one. "
            "Export it again and send the new file.",
            status=422,
        )
        self.add_note(detail)


class ImageChildError(ImageError):
    """The reader could not be started: not the file's fault. Ask again, at no cost."""

    def __init__(self, detail: str) -> None:
        super().__init__(
            code="decoder_unavailable",
            message="Images cannot be read at the moment. Try again in a minute.",
            status=503,
        )
        self.add_note(detail)


class StoreFullError(ImageError):
    """No room on the disk. Asking again helps once somebody has made room."""

    def __init__(self) -> None:
        super().__init__(
            code="store_full",
            message="The image store is full. Tell an administrator; nothing was kept.",
            status=507,
        )


class StoredFileMissingError(ImageError):
    """A file that was kept is not there any more: asking again does not help."""

    def __init__(self) -> None:
        super().__init__(
            code="stored_file_missing",
            message="The stored file is missing. Tell an administrator.",
            status=410,
        )
