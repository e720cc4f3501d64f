"""What the database itself refuses, whoever asks."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from predictions.models import (
    Analysis,
    Case,
    Image,
    JobStatus,
    Laboratory,
    Membership,
    ModelVersion,
    Outcome,
    Patient,
    Prediction,
    Role,
    Specimen,
)
from predictions.services.cases import open_case
from predictions.services.laboratories import create_laboratory
from tests.predictions.records import (
    make_analysis,
    make_failed,
    make_image,
    make_model_version,
    make_person,
    make_prediction,
    make_running,
    prediction_facts,
)

TERMINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)


@contextmanager
def committing() -> Iterator[None]:
    """A transaction whose deferred constraints are checked, as COMMIT would."""
    with transaction.atomic():
        yield
        commit()


@contextmanager
def refused(by: str) -> Iterator[None]:
    """The database says no, by the constraint of that name, at once or at COMMIT."""
    with pytest.raises(IntegrityError, match=by), committing():
        yield


def commit() -> None:
    """What COMMIT would check, without ending the test's transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


def make_cancelled(image: Image) -> Analysis:
    return make_analysis(image, status=JobStatus.CANCELLED, finished_at=timezone.now())


def make_answered(image: Image) -> Analysis:
    return make_prediction(image).analysis


FINISHED = pytest.mark.parametrize(
    "finish", [make_answered, make_failed, make_cancelled]
)


# --- Cases --------------------------------------------------------------------


def test_an_accession_number_is_once_in_its_laboratory(case: Case) -> None:
    with refused("accession_number_unique_in_laboratory"):
        Case.objects.create(
            laboratory=case.laboratory,
            patient=case.patient,
            accession_number=case.accession_number,
            created_by=case.created_by,
        )


def test_two_laboratories_may_use_the_same_accession_number(
    case: Case, elsewhere: Laboratory, charlie: User
) -> None:
    Case.objects.create(
        laboratory=elsewhere,
        patient=Patient.objects.create(laboratory=elsewhere, code=case.patient.code),
        accession_number=case.accession_number,
        created_by=charlie,
    )
    assert Case.objects.count() == 2


def test_a_patient_code_is_once_in_its_laboratory(case: Case) -> None:
    with refused("one_patient_per_code"):
        Patient.objects.create(laboratory=case.laboratory, code=case.patient.code)


def test_an_unknown_priority_is_refused(case: Case) -> None:
    with refused("case_priority_known"):
        Case.objects.filter(pk=case.pk).update(priority=3)


def test_a_specimen_label_is_once_in_its_case(image: Image) -> None:
    with refused("specimen_label_unique_in_case"):
        Specimen.objects.create(case=image.case, label=image.specimen.label)


def test_a_person_has_one_role_in_a_laboratory(
    alice: User, laboratory: Laboratory
) -> None:
    with refused("one_role_per_laboratory"):
        Membership.objects.create(
            user=alice, laboratory=laboratory, role="administrator"
        )


def test_an_unknown_role_is_refused(alice: User) -> None:
    with refused("membership_role_known"):
        alice.memberships.update(role="owner")


# --- Images -------------------------------------------------------------------


def test_an_image_is_once_in_a_case(image: Image, alice: User) -> None:
    with refused("image_once_in_a_case"):
        make_image(image.case, alice, sha256_received=image.sha256_received)


@pytest.mark.parametrize("name", ["width_px", "height_px", "size_bytes"])
def test_an_image_without_pixels_is_refused(case: Case, alice: User, name: str) -> None:
    with refused("image_has_pixels"):
        make_image(case, alice, **{name: 0})


@pytest.mark.parametrize("spacing_um", [0, -0.5])
def test_a_spacing_is_positive(case: Case, alice: User, spacing_um: float) -> None:
    with refused("image_spacing_positive"):
        make_image(case, alice, spacing_um=spacing_um)


def test_an_assumed_spacing_has_a_value(case: Case, alice: User) -> None:
    with refused("image_assumed_spacing_has_a_value"):
        make_image(case, alice, spacing_um=None, spacing_assumed=True)


def test_an_image_is_of_a_specimen_of_its_own_case(
    image: Image, alice: User, laboratory: Laboratory
) -> None:
    another = Case.objects.create(
        laboratory=laboratory,
        patient=image.case.patient,
        accession_number="S26-0002",
        created_by=alice,
    )
    with refused("image_specimen_of_its_case"):
        make_image(another, alice, specimen=image.specimen)


@pytest.mark.parametrize(
    "change",
    [
        {"sha256_received": "0" * 64},
        {"size_bytes": 7},
        {"width_px": 7},
        {"height_px": 7},
        {"format": "TIFF"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_an_image_is_cannot_be_changed(
    image: Image, change: dict[str, Any]
) -> None:
    with refused("this record is final"):
        Image.objects.filter(pk=image.pk).update(**change)


# --- Analyses -----------------------------------------------------------------


def test_an_unknown_status_is_refused(image: Image) -> None:
    with refused("analysis_status_known|finished_exactly_with_a_time"):
        make_analysis(image, status="done")


@pytest.mark.parametrize("unfinished", [make_analysis, make_running])
def test_an_image_has_one_unfinished_analysis_per_model(
    image: Image, unfinished: Callable[[Image], Analysis]
) -> None:
    unfinished(image)
    with refused("one_unfinished_analysis_per_image_model"):
        make_analysis(image)


def test_another_model_may_be_asked_meanwhile(image: Image) -> None:
    make_analysis(image)
    make_analysis(image, model_name="another")
    assert image.analyses.count() == 2


@FINISHED
def test_a_finished_analysis_lets_another_be_asked(
    image: Image, finish: Callable[[Image], Analysis]
) -> None:
    finish(image)
    commit()
    assert make_analysis(image).status == JobStatus.ACCEPTED


def test_a_failure_has_a_reason(image: Image) -> None:
    with refused("failed_exactly_with_a_reason"):
        make_failed(image, reason="")


def test_only_a_failure_has_a_reason(image: Image) -> None:
    with refused("failed_exactly_with_a_reason"):
        make_analysis(image, failure_reason="Something.")


@pytest.mark.parametrize(
    "held",
    [
        {"token": None, "lease_until": timezone.now()},
        {"token": uuid.uuid4(), "lease_until": None},
    ],
    ids=["no token", "no lease"],
)
def test_running_needs_a_token_and_a_lease(image: Image, held: dict[str, Any]) -> None:
    with refused("running_exactly_with_a_lease"):
        make_analysis(image, status=JobStatus.RUNNING, **held)


def test_only_running_has_a_lease(image: Image) -> None:
    with refused("running_exactly_with_a_lease"):
        make_analysis(image, lease_until=timezone.now() + timedelta(seconds=30))


def test_finished_needs_a_time(image: Image) -> None:
    with refused("finished_exactly_with_a_time"):
        make_analysis(image, status=JobStatus.CANCELLED)


def test_unfinished_has_no_finishing_time(image: Image) -> None:
    with refused("finished_exactly_with_a_time"):
        make_analysis(image, finished_at=timezone.now())


@FINISHED
@pytest.mark.parametrize("status", JobStatus.values)
def test_nothing_leaves_a_terminal_state(
    image: Image, finish: Callable[[Image], Analysis], status: str
) -> None:
    analysis = finish(image)
    commit()
    with refused("this record is final"):
        Analysis.objects.filter(pk=analysis.pk).update(status=status)


@FINISHED
def test_a_finished_analysis_cannot_be_deleted(
    image: Image, finish: Callable[[Image], Analysis]
) -> None:
    analysis = finish(image)
    commit()
    with refused("this record is final"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM predictions_analysis WHERE id = %s", [analysis.pk])


# --- Predictions --------------------------------------------------------------


def test_succeeded_without_a_prediction_fails_at_commit(image: Image) -> None:
    with refused("answered is t, prediction is f"):
        held = make_running(image)
        assert Analysis.objects.succeed(held)


def test_created_succeeded_without_a_prediction_fails_at_commit(image: Image) -> None:
    with refused("answered is t, prediction is f"):
        make_analysis(image, status=JobStatus.SUCCEEDED, finished_at=timezone.now())


@pytest.mark.parametrize(
    "unanswered", [make_analysis, make_running, make_failed, make_cancelled]
)
def test_a_prediction_needs_a_succeeded_analysis_at_commit(
    image: Image, unanswered: Callable[[Image], Analysis]
) -> None:
    analysis = unanswered(image)
    commit()
    with refused("answered is f, prediction is t"):
        Prediction.objects.create(analysis=analysis, **prediction_facts(image))


def test_the_two_may_be_written_in_either_order(image: Image) -> None:
    held = make_running(image)
    Prediction.objects.create(analysis=held, **prediction_facts(image))
    assert Analysis.objects.succeed(held)
    commit()


def test_an_answer_is_written_once(image: Image) -> None:
    prediction = make_prediction(image)
    with refused("predictions_prediction_pkey"):
        Prediction.objects.create(
            analysis=prediction.analysis, **prediction_facts(image)
        )


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": Outcome.BENIGN},
        {"probability": 0.1},
        {"tiles": []},
        {"input_sha256": "0" * 64},
        {"heatmap_file": uuid.uuid4()},
    ],
    ids=lambda change: next(iter(change)),
)
def test_an_answer_cannot_be_changed(image: Image, change: dict[str, Any]) -> None:
    prediction = make_prediction(image)
    with refused("this record is final"):
        Prediction.objects.filter(pk=prediction.pk).update(**change)


def test_an_answer_cannot_be_deleted(image: Image) -> None:
    prediction = make_prediction(image)
    with refused("this record is final"):
        prediction.delete()


def test_an_unknown_outcome_is_refused(image: Image) -> None:
    with refused("outcome_known|probability_exactly"):
        make_prediction(image, outcome="maybe")


@pytest.mark.parametrize(
    "facts",
    [
        {"outcome": Outcome.BENIGN, "probability": None},
        {"outcome": Outcome.MALIGNANT, "refusal_reason": "No tissue."},
        {"outcome": Outcome.REFUSED, "probability": 0.5, "refusal_reason": "No."},
        {"outcome": Outcome.REFUSED, "probability": None, "refusal_reason": ""},
    ],
    ids=["no probability", "reason", "refused with probability", "no reason"],
)
def test_an_answer_has_a_probability_or_a_refusal_its_reason(
    image: Image, facts: dict[str, Any]
) -> None:
    with refused("probability_exactly_when_not_refused"):
        make_prediction(image, **facts)


def test_a_refusal_with_a_reason_is_an_answer(image: Image) -> None:
    make_prediction(
        image,
        outcome=Outcome.REFUSED,
        probability=None,
        refusal_reason="This is no H&E tissue.",
    )
    commit()


@pytest.mark.parametrize("probability", [-0.01, 1.01, float("nan"), float("inf")])
def test_a_probability_is_between_0_and_1(image: Image, probability: float) -> None:
    with refused("probability_in_range"):
        make_prediction(image, probability=probability)


# --- Models -------------------------------------------------------------------


def test_a_model_version_is_registered_once(db: None) -> None:
    registered = make_model_version()
    with refused("model_version_once"):
        ModelVersion.objects.create(
            name=registered.name,
            version=registered.version,
            sha256="cd" * 32,
            contract={},
        )


# --- At a real COMMIT ---------------------------------------------------------


def test_commit_itself_refuses_an_answered_analysis_without_its_answer(
    committed_db: str,
) -> None:
    laboratory = create_laboratory(name="North")
    alice = make_person("alice", laboratory, Role.TECHNICIAN)
    case = open_case(
        laboratory=laboratory,
        opened_by=alice,
        accession_number="S26-0001",
        patient_code="P-0001",
    )
    held = make_running(make_image(case, alice))
    with pytest.raises(IntegrityError, match="answered is t, prediction is f"):
        Analysis.objects.succeed(held)
    assert Analysis.objects.get().status == JobStatus.RUNNING
