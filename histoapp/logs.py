"""Log lines that nobody can forge."""

import logging
import re

# Whoever reads the log of an invitation's page may not use the invitation.
_INVITATION = re.compile(r"(/invitations/)[^/\s?'\"]+")


class OneLineFormatter(logging.Formatter):
    """Escape control characters, so that one event stays one line.

    A traceback keeps its line breaks: it is ours. A message may hold words that
    came from outside, with CR, LF or terminal escapes among them, or an
    invitation's secret.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name.
        line = _INVITATION.sub(r"\1…", super().formatMessage(record))
        return "".join(c if c.isprintable() else repr(c)[1:-1] for c in line)
