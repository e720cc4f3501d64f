"""What can go wrong on the way to the model, by whether asking again helps."""


class ServingError(Exception):
    """The model server gave no usable answer."""


class ServingUnreachableError(ServingError):
    """The request never reached the model: ask again later, it cost nothing.

    Refused connection, connect deadline, a server that has not loaded it yet, or one
    whose model is of another release: an upgrade is under way.
    """


class ServingBrokenError(ServingError):
    """The call broke after it was sent: ask again, but count it.

    This request itself may be what brought the server down.
    """


class ServingRejectedError(ServingError):
    """Refused by the server, or answered with nonsense: asking again cannot help."""


class ServingVersionGoneError(ServingError):
    """The named version is not served any more: start over with the one that is."""
