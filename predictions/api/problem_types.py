"""What kinds of problems there are: one registry, and a page for each."""

from collections.abc import Iterator
from dataclasses import dataclass

from predictions.api.problem_words import WORDS
from predictions.images.errors import REFUSALS, ImageRefusedError
from predictions.services.errors import ServiceError


@dataclass(frozen=True)
class ProblemType:
    """A kind of problem, in words for whoever writes a program."""

    code: str
    title: str
    meaning: str
    advice: str
    helps_to_repeat: bool


ADVICE = "The problem's `detail` says what to do."


def problem_type(code: str) -> ProblemType | None:
    """The kind with this code."""
    return _all().get(code)


def problem_types() -> list[ProblemType]:
    """Every kind, by its code."""
    return [kind for _, kind in sorted(_all().items())]


def _all() -> dict[str, ProblemType]:
    """Every service's error, every fault of an image, and those written in words."""
    kinds = {kind.code: kind for kind in map(_of_error, _errors(ServiceError))}
    kinds |= {code: _of_image(code) for code in REFUSALS}
    return kinds | {code: ProblemType(code, *words) for code, words in WORDS.items()}


def _of_error(error: type[ServiceError]) -> ProblemType:
    """As the error itself is described."""
    meaning = " ".join((error.__doc__ or "").split("\n\n")[0].split())
    return ProblemType(error.code, error.title, meaning, ADVICE, helps_to_repeat=False)


def _of_image(code: str) -> ProblemType:
    """As the image reader says it: what is wrong, then what to do."""
    meaning, _, advice = ImageRefusedError(code).message.partition(". ")
    title = "This image was not accepted"
    return ProblemType(code, title, f"{meaning}.", advice, helps_to_repeat=False)


def _errors(error: type[ServiceError]) -> Iterator[type[ServiceError]]:
    yield error
    for narrower in error.__subclasses__():
        yield from _errors(narrower)
