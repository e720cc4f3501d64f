"""What people may ask of an analysis: again, or no longer."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from predictions.models import Analysis, AuditEvent, Image, JobStatus
from predictions.services.analyses import (
    AnalysisUnfinishedError,
    ask_again,
    cancel_analysis,
)
from predictions.services.errors import NotAllowedError
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_prediction,
    make_running,
)


def test_asking_again_is_a_new_row_that_points_back(image: Image, bob: User) -> None:
    failed = make_failed(image)
    again = ask_again(analysis=failed, asked_by=bob)

    assert (again.image, again.model_name) == (failed.image, failed.model_name)
    assert again.again_after == failed
    assert again.asked_by == bob
    assert list(Analysis.objects.due()) == [again]
    failed.refresh_from_db()
    assert failed.status == JobStatus.FAILED, "what ended stays"
    event = AuditEvent.objects.get(action="analysis.ask_again")
    assert event.subject == f"analysis:{again.pk}"
    assert event.detail == {"after": str(failed.pk)}


def test_an_answered_image_can_be_asked_about_again(image: Image, bob: User) -> None:
    answered = make_prediction(image).analysis
    assert ask_again(analysis=answered, asked_by=bob).again_after == answered


@pytest.mark.parametrize("begin", [make_analysis, make_running])
def test_while_one_is_under_way_that_one_is_named(
    image: Image, bob: User, begin: Callable[[Image], Analysis]
) -> None:
    failed, under_way = make_failed(image), begin(image)
    with pytest.raises(AnalysisUnfinishedError) as refused:
        ask_again(analysis=failed, asked_by=bob)

    assert refused.value.more == {"analysis": str(under_way.pk)}
    assert refused.value.status == 409
    assert Analysis.objects.count() == 2
    assert not AuditEvent.objects.filter(action="analysis.ask_again").exists()


@pytest.mark.parametrize("name", ["charlie", "dora"])
def test_only_who_works_there_may_ask_or_cancel(
    image: Image, name: str, request: pytest.FixtureRequest
) -> None:
    person = request.getfixturevalue(name)
    failed = make_failed(image)
    with pytest.raises(NotAllowedError):
        ask_again(analysis=failed, asked_by=person)
    waiting = make_analysis(image)
    with pytest.raises(NotAllowedError):
        cancel_analysis(analysis=waiting, cancelled_by=person)
    waiting.refresh_from_db()
    assert waiting.status == JobStatus.ACCEPTED


@pytest.mark.parametrize("begin", [make_analysis, make_running])
def test_what_is_not_wanted_any_more_is_cancelled(
    image: Image, bob: User, begin: Callable[[Image], Analysis]
) -> None:
    under_way = begin(image)
    assert cancel_analysis(analysis=under_way, cancelled_by=bob)
    under_way.refresh_from_db()
    assert under_way.status == JobStatus.CANCELLED
    assert AuditEvent.objects.get(action="analysis.cancel").actor_id == bob.pk
    assert ask_again(analysis=under_way, asked_by=bob)


def test_what_ended_is_not_cancelled(image: Image, bob: User) -> None:
    answered = make_prediction(image).analysis
    assert not cancel_analysis(analysis=answered, cancelled_by=bob)
    assert not AuditEvent.objects.filter(action="analysis.cancel").exists()
