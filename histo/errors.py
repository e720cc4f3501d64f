"""Why a command ended, in words for its person, with the exit code for its script."""


class HistoError(Exception):
    """Ends the command. `exit_code`: see `histo --help`."""

    exit_code = 1


class NoAccessError(HistoError):
    """No address, no token, or none that the server takes."""

    exit_code = 3


class UnreachableError(HistoError):
    """The server did not answer, however often it was asked. Asking later may help."""

    exit_code = 3


class RefusedError(HistoError):
    """The server said no. `problem` is its problem+json."""

    def __init__(self, problem: dict[str, object], status: int) -> None:
        super().__init__(str(problem.get("detail") or f"The server answered {status}."))
        self.problem = problem
        self.status = status
