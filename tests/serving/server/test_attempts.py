from serving.server.attempts import Attempts, Retries

FILES = (("saved_model.pb", 4, 1),)
OTHERS = (("saved_model.pb", 9, 2),)


def test_what_was_never_tried_is_due() -> None:
    assert Attempts(Retries()).is_due(FILES, 0)


def test_without_retries_the_first_failure_is_the_last() -> None:
    attempts = Attempts(Retries())

    assert not attempts.note_failure(FILES, 0)
    assert not attempts.is_due(FILES, 1e9)


def test_a_retry_is_due_after_the_interval() -> None:
    attempts = Attempts(Retries(2, 60))

    assert attempts.note_failure(FILES, 100)
    assert not attempts.is_due(FILES, 159)
    assert attempts.is_due(FILES, 160)
    assert attempts.note_failure(FILES, 160)
    assert not attempts.note_failure(FILES, 220)
    assert not attempts.is_due(FILES, 1e9)


def test_a_negative_interval_is_no_wait() -> None:
    attempts = Attempts(Retries(1, -1))
    attempts.note_failure(FILES, 100)

    assert attempts.is_due(FILES, 100)


def test_other_files_are_tried_at_once_and_as_often() -> None:
    attempts = Attempts(Retries(1, 60))
    attempts.note_failure(FILES, 100)
    attempts.note_failure(FILES, 160)

    assert attempts.is_due(OTHERS, 160)
    assert attempts.note_failure(OTHERS, 160)
    assert not attempts.is_due(OTHERS, 161)
