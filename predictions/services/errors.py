"""Why a service said no: with a status, a code for programs, words for people."""


class ServiceError(Exception):
    """Asking the same again does not help, unless a subclass says so.

    `more` goes into the API's answer beside the words.
    """

    status = 400
    code = "refused"
    title = "This was refused"

    def __init__(self, message: str, **more: object) -> None:
        super().__init__(message)
        self.more = more


class NotAllowedError(ServiceError):
    status = 403
    code = "not_allowed"
    title = "You may not do this"


class ConflictError(ServiceError):
    """Somebody, or something, was there first."""

    status = 409
    code = "conflict"
    title = "This is so already"
