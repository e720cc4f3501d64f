"""Reading the list that comes with a folder."""

import pytest

from predictions.models import Consent, Priority
from predictions.services.manifests import (
    MAX_BYTES,
    MAX_ROWS,
    ManifestError,
    ManifestRow,
    read_manifest,
)

HEADER = "file,accession_number,patient_code"
FULL = f"{HEADER},specimen,spacing_um,magnification,priority,consent"
PLAIN = ManifestRow(line=2, file="a.png", accession_number="S26-1", patient_code="P-1")


def read_row(values: str, header: str = FULL) -> ManifestRow:
    (row,) = read_manifest(f"{header}\n{values}\n".encode())
    return row


@pytest.mark.parametrize(
    "content",
    [
        b"file,accession_number,patient_code\na.png,S26-1,P-1\n",
        b"file,accession_number,patient_code\na.png,S26-1,P-1",
        b"\xef\xbb\xbffile,accession_number,patient_code\na.png,S26-1,P-1\n",
        b"file;accession_number;patient_code\r\na.png;S26-1;P-1\r\n",
        b"file\taccession_number\tpatient_code\ra.png\tS26-1\tP-1\r",
        b"File, Accession Number ,PATIENT-CODE\n a.png , S26-1 ,P-1\n",
        b'"file","accessionnumber","patient code"\n"a.png","S26-1","P-1"\n',
        b"file,accession_number,patient_code,,\na.png,S26-1,P-1,,\n,,,,\n\n",
    ],
    ids=[
        "plain",
        "without a last line break",
        "byte order mark",
        "semicolons from Windows",
        "tabs from an old Mac",
        "other case and spaces",
        "quoted",
        "a spreadsheet's empty columns and rows",
    ],
)
def test_a_list_is_read_however_it_was_saved(content: bytes) -> None:
    assert read_manifest(content) == [PLAIN]


def test_the_order_of_the_columns_is_free() -> None:
    content = b"patient_code,file,accession_number\nP-1,a.png,S26-1\n"
    assert read_manifest(content) == [PLAIN]


def test_every_column_is_read() -> None:
    row = read_row("a.png,S26-1,P-1,B2,0.25,40x,Urgent,given")
    assert row.problems == ()
    assert (row.specimen_label, row.spacing_um, row.magnification) == ("B2", 0.25, 40)
    assert row.priority == Priority.URGENT
    assert row.training_consent == Consent.GIVEN


def test_what_is_left_empty_is_not_stated() -> None:
    row = read_row("a.png,S26-1,P-1,,,,,")
    assert row == PLAIN


@pytest.mark.parametrize(
    ("said", "spacing_um"), [("0.25", 0.25), ('"0,25"', 0.25), ("2", 2.0)]
)
def test_spacing_is_read_with_either_decimal_sign(said: str, spacing_um: float) -> None:
    row = read_row(f"a.png,S26-1,P-1,A,{said},,,")
    assert (row.spacing_um, row.problems) == (spacing_um, ())


def test_quoted_values_keep_separators_quotes_and_line_breaks_apart() -> None:
    first, second = read_manifest(
        f'{HEADER}\n"a, ""left"".png",S26-1,P-1\nb.png,S26-1,P-1\n'.encode()
    )
    assert first.file == 'a, "left".png'
    assert (first.line, second.line) == (2, 3)


def test_a_row_is_counted_where_it_begins() -> None:
    content = f'{HEADER}\n\n"a\n.png",S26-1,P-1\nb.png,S26-1,P-1\n'
    assert [row.line for row in read_manifest(content.encode())] == [3, 5]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (",S26-1,P-1,,,,,", "file is missing"),
        ("a.png,,P-1,,,,,", "accession number is missing"),
        ("a.png,S26-1,,,,,,", "patient code is missing"),
        ("a.png", "accession number is missing"),
        (f"a.png,{'9' * 65},P-1,,,,,", "accession number is longer than 64"),
        (f"a.png,S26-1,P-1,{'B' * 65},,,,", "specimen is longer than 64"),
        (f"{'a' * 501},S26-1,P-1,,,,,", "file is longer than 500"),
        ("a.png,S26\u202e-1,P-1,,,,,", "accession number holds characters"),
        ("a.png,S26-1,P\x00,,,,,", "patient code holds characters"),
        ("a.png,S26-1,P-1,,0.001,,,", "spacing must be a number of µm/px"),
        ("a.png,S26-1,P-1,,51,,,", "from 0.02 to 50"),
        ("a.png,S26-1,P-1,,nan,,,", "spacing must be"),
        ("a.png,S26-1,P-1,,1e1,,,", "spacing must be"),
        ("a.png,S26-1,P-1,,-1,,,", "spacing must be"),
        ("a.png,S26-1,P-1,,half,,,", "spacing must be"),
        ("a.png,S26-1,P-1,,,41,,", "magnification must be the objective's: 2, 4"),
        ("a.png,S26-1,P-1,,,,soon,", "priority must be one of routine, urgent"),
        ("a.png,S26-1,P-1,,,,,yes", "consent must be one of unknown, given, refused"),
        ("a.png,S26-1,P-1,,0.5,40,,,x", "more values than there are columns"),
    ],
)
def test_a_row_at_fault_says_what_is_wrong(values: str, problem: str) -> None:
    assert problem in " ".join(read_row(values).problems)


def test_a_row_says_all_that_is_wrong_with_it() -> None:
    assert len(read_row(",,,,x,x,x,x").problems) == 6


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "names no column file and no accession_number"),
        (b"\n\n", "names no column file"),
        (b"file,accession_number\na.png,S26-1\n", "names no column patient_code"),
        (f"{HEADER},colour\n".encode(), "Rename or remove “colour”"),
        (f"{HEADER},File\n".encode(), "Two columns are called file"),
        (f"{HEADER}\n".encode(), "names no file"),
        (f"{HEADER}\na.png,S26-1,Müller\n".encode("cp1252"), "not encoded as UTF-8"),
        (f"{HEADER}\na.png,S26-1,P-1\n".encode("utf-16"), "not encoded as UTF-8"),
        (f'{HEADER}\n"a.png,S26-1,P-1\n'.encode(), "Line 2 cannot be read"),
        (f"{HEADER}\n{'x' * 140_000},S26-1,P-1\n".encode(), "Line 2 cannot be read"),
        (b"x" * (MAX_BYTES + 1), "larger than 2 MB"),
        (f"{HEADER}\n".encode() + b"a.png,1,1\n" * (MAX_ROWS + 1), "2,000 rows"),
    ],
    ids=[
        "nothing",
        "blank lines",
        "a column missing",
        "a column nobody knows",
        "a column twice",
        "no row",
        "Windows-1252",
        "UTF-16",
        "an open quote",
        "a value without end",
        "too large",
        "too many rows",
    ],
)
def test_a_list_that_cannot_be_read_is_refused_in_words(
    content: bytes, words: str
) -> None:
    with pytest.raises(ManifestError, match=words):
        read_manifest(content)


def test_as_many_rows_as_are_allowed_are_read() -> None:
    content = f"{HEADER}\n".encode() + b"a.png,S26-1,P-1\n" * MAX_ROWS
    assert len(read_manifest(content)) == MAX_ROWS
