"""What a person writes to be kept: trimmed, of a length, without hidden characters."""

from predictions.services.errors import ServiceError

_LAYOUT = frozenset("\n\t")


class WordsRefusedError(ServiceError):
    """They were not kept."""

    status = 422
    code = "words_refused"
    title = "These words were not accepted"


def check_words(words: str, *, what: str, least: int = 0, most: int) -> str:
    """The words as they may be kept, line ends as "\\n". Raises WordsRefusedError."""
    kept = "\n".join(words.strip().splitlines())
    if not least <= len(kept) <= most:
        span = f"{least} to {most}" if least else f"at most {most}"
        raise WordsRefusedError(
            f"{what} needs {span} characters; this one has {len(kept)}."
        )
    if not all(letter in _LAYOUT or letter.isprintable() for letter in kept):
        raise WordsRefusedError(
            f"{what} has characters that nobody sees. Type it anew, instead of "
            "pasting it."
        )
    return kept
