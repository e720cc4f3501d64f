"""What can keep the embedded stack from starting."""


class EmbeddedError(Exception):
    """The stack cannot start: one sentence for a person, saying what to do."""
