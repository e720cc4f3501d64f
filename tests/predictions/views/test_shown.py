import pytest

from predictions.models import JobStatus, Outcome
from predictions.views.shown import URGENCY, percent, share_of, tallies


@pytest.mark.parametrize(
    ("probability", "said"),
    [
        (0.0, "< 1 %"),
        (0.0099, "< 1 %"),
        (0.01, "1 %"),
        (0.5, "50 %"),
        (0.99, "99 %"),
        (0.991, "> 99 %"),
        (1.0, "> 99 %"),
    ],
)
def test_probability_is_said_in_whole_per_cent(probability: float, said: str) -> None:
    assert percent(probability) == said


@pytest.mark.parametrize(
    ("attention", "said"),
    [
        (1.0, "100 %"),
        (0.6, "60 %"),
        (0.0995, "10 %"),
        (0.012, "1.2 %"),
        (3e-4, "0.03 %"),
    ],
)
def test_attention_is_said_to_two_digits(attention: float, said: str) -> None:
    assert share_of(attention) == said


def test_summary_puts_first_what_needs_a_person() -> None:
    counts: dict[tuple[str, str | None], int] = {
        ("accepted", None): 1,
        ("succeeded", "benign"): 2,
        ("succeeded", "malignant"): 3,
    }
    assert [tally.count for tally in tallies(counts)] == [3, 2, 1]


def test_summary_forgets_no_state() -> None:
    for outcome in Outcome.values:
        assert ("succeeded", outcome) in URGENCY
    for status in set(JobStatus.values) - {"succeeded"}:
        assert (status, None) in URGENCY
