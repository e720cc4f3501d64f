"""Cases: opened under an accession number."""

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction

from predictions.models import Case, Laboratory, Patient, Priority
from predictions.services.audit import record_event
from predictions.services.errors import ConflictError
from predictions.services.laboratories import UPLOADERS, require_role


class DuplicateCaseError(ConflictError):
    """The laboratory has a case of this accession number already."""

    code = "duplicate_case"

    def __init__(self, case: Case) -> None:
        super().__init__(
            f"There is a case {case.accession_number} already. Open that one, or "
            "check the accession number.",
            case=str(case.pk),
        )
        self.case = case


@transaction.atomic
def open_case(
    *,
    laboratory: Laboratory,
    opened_by: User,
    accession_number: str,
    patient_code: str,
    priority: int = Priority.ROUTINE,
) -> Case:
    """Open a case. Raises DuplicateCaseError, NotAllowedError."""
    require_role(laboratory=laboratory, user=opened_by, roles=UPLOADERS)
    patient, _ = Patient.objects.get_or_create(laboratory=laboratory, code=patient_code)
    try:
        with transaction.atomic():
            case = Case.objects.create(
                laboratory=laboratory,
                patient=patient,
                accession_number=accession_number,
                priority=priority,
                created_by=opened_by,
            )
    except IntegrityError as error:
        same = Case.objects.filter(
            laboratory=laboratory, accession_number=accession_number
        )
        if existing := same.first():
            raise DuplicateCaseError(existing) from error
        raise
    record_event(
        laboratory=laboratory,
        actor=opened_by,
        action="case.open",
        subject=f"case:{case.pk}",
    )
    return case
