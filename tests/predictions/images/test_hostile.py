"""Every hostile file gets the answer that its manifest asks for."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import pytest

from benchmarks.hostile import Verdict, is_ours, judge_all, report
from tests.data import TEST_DATA, needs_test_data

FOLDER = TEST_DATA / "hostile"


@pytest.fixture(scope="module")
def judged() -> tuple[list[Verdict], int]:
    """In a process of its own: only decode children are measured."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(judge_all, FOLDER).result()


@needs_test_data("hostile/MANIFEST.tsv")
def test_every_hostile_file_gets_its_answer(judged: tuple[list[Verdict], int]) -> None:
    verdicts, _ = judged
    assert len(verdicts) == 899
    otherwise = [v for v in verdicts if not v.is_as_expected]

    # Unopened, because it is not PNG, JPEG or TIFF: 415 where a reader of that format
    # would have said 413 or 422.
    assert [v for v in otherwise if not v.is_refused_earlier] == []
    assert all(v.got == "415" and not is_ours(FOLDER, v.file) for v in otherwise)


@needs_test_data("hostile/MANIFEST.tsv")
def test_no_hostile_file_made_a_child_large(judged: tuple[list[Verdict], int]) -> None:
    _, largest_kib = judged
    assert 0 < largest_kib < 256 * 1024  # Of the 1 GiB that a child may ask for.


def test_the_report_counts_what_was_refused_earlier_apart() -> None:
    verdicts = [
        Verdict(file="a.png", expected="accept", got="accept", code="", wall_s=0.1),
        Verdict(
            file="b.bmp",
            expected="reject-422",
            got="415",
            code="unknown_format",
            wall_s=0.1,
        ),
        Verdict(file="c.png", expected="reject-422", got="accept", code="", wall_s=0.1),
    ]

    text = report(verdicts, child_rss_kib=1024)

    assert "3 files: 1 as the manifest says, 1 of another format" in text
    assert "1 otherwise." in text
    assert "- b.bmp: reject-422 -> 415" in text
