"""Write the matrix for people: `python -m tests.matrix`."""

from tests.data import REPOSITORY
from tests.matrix.cast import WHO
from tests.matrix.rows import ROWS, Row

PAGE = REPOSITORY / "docs" / "benchmarks" / "matrix.md"
ABOUT = """\
# Who is answered what

Every address of the portal and the API, asked with ids of one laboratory by everybody.
Written by `python -m tests.matrix`; `make test` asks them all (tests/matrix), and
fails where an address has no row, an answer differs, or this page is out of date. The
admin's windows have a matrix of their own: tests/predictions/admin.

302 leads to the sign-in page, or back after something was done. 404 is what somebody
else's id answers: it is not there. The technician, the pathologist, the administrator
and the disabled are members of the laboratory; the superuser is not, and reads no case
here. The disabled and the expired come with a session or token that worked before.
"""


def page() -> str:
    """The page, as it should stand."""
    head = f"| address | {' | '.join(WHO)} |\n|---|{'---|' * len(WHO)}\n"
    return f"{ABOUT}\n{head}{''.join(map(_line, ROWS))}"


def _line(row: Row) -> str:
    return f"| {row} | {' | '.join(row.statuses.split())} |\n"


if __name__ == "__main__":
    PAGE.write_text(page())
