"""The list that comes with a folder of images: which file belongs to which case."""

import csv
import io
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from predictions.models import Consent, Priority
from predictions.models.image import OBJECTIVES
from predictions.models.laboratory import SPACING_LIMITS_UM
from predictions.services.errors import ServiceError

MAX_BYTES = 2_000_000
MAX_ROWS = 2_000
MAX_CHARACTERS = 64  # Of the columns in which accession number and the like are kept.
MAX_FILE_CHARACTERS = 500

REQUIRED = ("file", "accession_number", "patient_code")
OPTIONAL = ("specimen", "spacing_um", "magnification", "priority", "consent")
COLUMNS = REQUIRED + OPTIONAL
_PRIORITIES: dict[str, Priority | None] = {
    "": None,
    "routine": Priority.ROUTINE,
    "urgent": Priority.URGENT,
}
_CONSENTS: dict[str, Consent | None] = {
    "": None,
    **{choice.value: choice for choice in Consent},
}
_DELIMITERS = "\t;,"

Choice = TypeVar("Choice", Priority, Consent)


class ManifestError(ServiceError):
    """The list cannot be read as a whole. Mend it, and ask again."""

    status = 422
    code = "manifest_unreadable"
    title = "This list could not be read"


@dataclass(frozen=True)
class ManifestRow:
    """What one row says of one file. With problems, only these are sure.

    line: where it begins in the file; the header is line 1.
    priority, training_consent: None where the row does not say.
    """

    line: int
    file: str
    accession_number: str
    patient_code: str
    specimen_label: str = "A"
    spacing_um: float | None = None
    magnification: float | None = None
    priority: Priority | None = None
    training_consent: Consent | None = None
    problems: tuple[str, ...] = ()


def read_manifest(content: bytes) -> list[ManifestRow]:
    """Read a CSV file, separated by commas, semicolons or tabs.

    A row at fault is returned with its problems. Raises ManifestError.
    """
    if len(content) > MAX_BYTES:
        raise ManifestError(
            f"The list is larger than {MAX_BYTES // 1_000_000} MB. Split it."
        )
    records = _records(_text(content))
    _, header = next(records, (0, []))
    columns = _columns(header)
    rows: list[ManifestRow] = []
    for line, cells in records:
        if len(rows) == MAX_ROWS:
            raise ManifestError(f"The list has more than {MAX_ROWS:,} rows. Split it.")
        rows.append(_Cells.of(columns, cells).row(line))
    if not rows:
        raise ManifestError("The list names no file: add a row for each.")
    return rows


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(
            "The list is not encoded as UTF-8. In Excel, save it as “CSV UTF-8”."
        ) from error


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, and the line where it begins."""
    header = text.lstrip("\r\n").splitlines()[:1] or [""]
    delimiter = max(_DELIMITERS, key=header[0].count)
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        strict=True,
        skipinitialspace=True,
    )
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ManifestError(
                f"Line {line} cannot be read. Check its quotes: each must be closed, "
                'and one inside a value is written twice, "".'
            ) from error
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, [cell.strip() for cell in cells]


def _columns(header: list[str]) -> list[str]:
    """Our name of each column. Raises ManifestError."""
    known = {_plain(name): name for name in COLUMNS}
    while header and not header[-1]:
        header.pop()  # A spreadsheet's empty last columns.
    unknown = [
        f"“{name[:MAX_CHARACTERS]}”" for name in header if _plain(name) not in known
    ]
    if unknown:
        raise ManifestError(
            f"The columns {', '.join(COLUMNS)} are known. Rename or remove "
            f"{', '.join(unknown[:5])}: the first line must name the columns."
        )
    columns = [known[_plain(name)] for name in header]
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise ManifestError(
            f"The first line names no column {' and no '.join(missing)}. Add it."
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise ManifestError(f"Two columns are called {twice[0]}. Keep one of them.")
    return columns


def _plain(name: str) -> str:
    """A column's name without case, spaces and what stands for spaces."""
    return re.sub(r"[\s_-]+", "", name).casefold()


@dataclass
class _Cells:
    """The values of one row, and what was found wrong with them."""

    values: dict[str, str]
    problems: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, columns: list[str], cells: list[str]) -> "_Cells":
        found = cls(dict(zip(columns, cells, strict=False)))
        if any(cells[len(columns) :]):
            found.problems.append(
                "The row has more values than there are columns. Put a value that "
                "holds the separator in quotes."
            )
        return found

    def row(self, line: int) -> ManifestRow:
        return ManifestRow(
            line=line,
            file=self._words("file", most=MAX_FILE_CHARACTERS),
            accession_number=self._words("accession_number"),
            patient_code=self._words("patient_code"),
            specimen_label=self._words("specimen") or "A",
            spacing_um=self._spacing_um(),
            magnification=self._magnification(),
            priority=self._one_of("priority", _PRIORITIES),
            training_consent=self._one_of("consent", _CONSENTS),
            problems=tuple(self.problems),
        )

    def _words(self, column: str, *, most: int = MAX_CHARACTERS) -> str:
        text = self.values.get(column, "")
        if column in REQUIRED and not text:
            self.problems.append(f"The {_said(column)} is missing.")
        if len(text) > most:
            self.problems.append(
                f"The {_said(column)} is longer than {most} characters."
            )
        if not text.isprintable():
            self.problems.append(
                f"The {_said(column)} holds characters that cannot be shown. Use "
                "letters, digits and punctuation only."
            )
        return text

    def _number(self, column: str) -> float | None:
        """A number with a decimal point, or a comma; NaN where it is none."""
        text = self.values.get(column, "")
        if not text:
            return None
        # float() reads 1_000 and Arabic digits too: nobody means those here.
        plain = re.fullmatch(r"[0-9]{1,6}([.,][0-9]{1,12})?", text)
        return float(text.replace(",", ".")) if plain else math.nan

    def _spacing_um(self) -> float | None:
        spacing_um = self._number("spacing_um")
        low, high = SPACING_LIMITS_UM
        if spacing_um is None or low <= spacing_um <= high:
            return spacing_um
        self.problems.append(
            f"The spacing must be a number of µm/px from {low:g} to {high:g}, "
            "for example 0.25; leave it empty if it is not known."
        )
        return None

    def _magnification(self) -> float | None:
        self.values["magnification"] = re.sub(
            "[x×]$", "", self.values.get("magnification", ""), flags=re.IGNORECASE
        ).strip()
        magnification = self._number("magnification")
        if magnification is None or magnification in OBJECTIVES:
            return magnification
        known = ", ".join(str(objective) for objective in OBJECTIVES)
        self.problems.append(f"The magnification must be the objective's: {known}.")
        return None

    def _one_of(
        self, column: str, choices: Mapping[str, Choice | None]
    ) -> Choice | None:
        text = self.values.get(column, "").casefold()
        if text not in choices:
            known = ", ".join(name for name in choices if name)
            self.problems.append(
                f"The {_said(column)} must be one of {known}, or empty."
            )
        return choices.get(text)


def _said(column: str) -> str:
    return column.replace("_", " ")
