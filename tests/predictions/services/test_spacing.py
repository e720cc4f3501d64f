"""The spacing of an image, stated after it was accepted."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User

from predictions.models import Analysis, AuditEvent, Image, JobStatus, Outcome
from predictions.services.analyses import AnalysisUnfinishedError, cancel_analysis
from predictions.services.errors import NotAllowedError
from predictions.services.images import SpacingRefusedError
from predictions.services.spacing import SpacingChangedError, state_spacing
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_prediction,
    make_running,
)

Spacing = tuple[float | None, bool]
UNKNOWN: Spacing = (None, False)
ASSUMED: Spacing = (0.5, True)
WRONG: Spacing = (2.0, False)


def with_spacing(image: Image, spacing: Spacing) -> Image:
    Image.objects.update(spacing_um=spacing[0], spacing_assumed=spacing[1])
    image.refresh_from_db()
    return image


def spacing_of(image: Image) -> Spacing:
    image.refresh_from_db()
    return image.spacing_um, image.spacing_assumed


def assert_untouched(image: Image, spacing: Spacing, *, analyses: int) -> None:
    assert spacing_of(image) == spacing
    assert Analysis.objects.count() == analyses
    actions = AuditEvent.objects.values_list("action", flat=True)
    assert not {"image.state_spacing", "analysis.ask_again"} & set(actions)


@pytest.mark.parametrize("before", [UNKNOWN, ASSUMED, WRONG])
def test_a_stated_spacing_replaces_it_while_the_model_is_asked_again(
    image: Image, bob: User, before: Spacing
) -> None:
    answered = make_prediction(with_spacing(image, before)).analysis
    again = state_spacing(image=image, spacing_um=0.25, stated_by=bob)

    assert spacing_of(image) == (0.25, False)
    assert again.again_after == answered
    assert (again.image, again.asked_by) == (image, bob)
    assert list(Analysis.objects.due()) == [again]
    event = AuditEvent.objects.get(action="image.state_spacing")
    assert (event.subject, event.actor_id) == (f"image:{image.pk}", bob.pk)
    assert event.detail == {
        "before_um": before[0],
        "before_assumed": before[1],
        "spacing_um": 0.25,
        "analysis": str(again.pk),
    }


def test_an_earlier_answer_keeps_the_spacing_that_it_used(
    image: Image, bob: User
) -> None:
    refused = make_prediction(
        with_spacing(image, UNKNOWN),
        outcome=Outcome.REFUSED,
        probability=None,
        refusal_reason="Nobody has said how many µm one pixel is.",
        spacing_um=None,
    )
    state_spacing(image=image, spacing_um=0.25, stated_by=bob)
    refused.refresh_from_db()
    assert refused.spacing_um is None
    assert refused.analysis.status == JobStatus.SUCCEEDED


def test_the_newest_question_is_the_one_that_is_asked_again(
    image: Image, bob: User
) -> None:
    make_prediction(image)
    newest = make_failed(image)
    again = state_spacing(image=image, spacing_um=0.25, stated_by=bob)
    assert again.again_after == newest


@pytest.mark.parametrize("begin", [make_analysis, make_running])
@pytest.mark.parametrize("model_name", ["breast-mil", "an-older-model"])
def test_a_spacing_does_not_change_under_an_answer_on_its_way(
    image: Image, bob: User, begin: Callable[[Image], Analysis], model_name: str
) -> None:
    under_way = begin(with_spacing(image, ASSUMED))
    Analysis.objects.update(model_name=model_name)
    make_failed(image)
    with pytest.raises(AnalysisUnfinishedError) as refused:
        state_spacing(image=image, spacing_um=0.25, stated_by=bob)
    assert refused.value.more == {"analysis": str(under_way.pk)}
    assert_untouched(image, ASSUMED, analyses=2)


def test_whoever_saw_an_older_spacing_does_not_overwrite_a_newer(
    image: Image, alice: User, bob: User
) -> None:
    seen = Image.objects.get(pk=make_failed(with_spacing(image, UNKNOWN)).image_id)
    again = state_spacing(image=image, spacing_um=0.25, stated_by=alice)
    assert cancel_analysis(analysis=again, cancelled_by=alice)
    with pytest.raises(SpacingChangedError) as refused:
        state_spacing(image=seen, spacing_um=1.0, stated_by=bob)
    assert refused.value.status == 409
    assert spacing_of(image) == (0.25, False)
    assert AuditEvent.objects.filter(action="image.state_spacing").count() == 1


@pytest.mark.parametrize("name", ["charlie", "dora"])
def test_only_who_works_there_may_state_it(
    image: Image, name: str, request: pytest.FixtureRequest
) -> None:
    make_failed(with_spacing(image, UNKNOWN))
    person = request.getfixturevalue(name)
    with pytest.raises(NotAllowedError):
        state_spacing(image=image, spacing_um=0.25, stated_by=person)
    assert_untouched(image, UNKNOWN, analyses=1)


@pytest.mark.parametrize("spacing_um", [0.0, -0.5, 51.0, float("nan"), float("inf")])
def test_a_spacing_of_no_microscope_is_refused(
    image: Image, bob: User, spacing_um: float
) -> None:
    make_failed(with_spacing(image, UNKNOWN))
    with pytest.raises(SpacingRefusedError, match="no microscope") as refused:
        state_spacing(image=image, spacing_um=spacing_um, stated_by=bob)
    assert refused.value.status == 422
    assert_untouched(image, UNKNOWN, analyses=1)
