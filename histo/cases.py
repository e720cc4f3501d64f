"""Cases, as a person names them: by accession number, or by id."""

import uuid

from histo.api import Api, Json
from histo.errors import HistoError, RefusedError

CONFLICT = 409


def find_case(api: Api, named: str) -> Json:
    """The case of this id or accession number. Raises HistoError if there is none."""
    if _is_id(named):
        return api.get(f"cases/{named}")
    for case in api.rows("cases", accession_number=named):
        if case["accession_number"] == named:
            return case
    raise HistoError(
        f"No case of yours has the accession number {named}. Open it with "
        f"--accession {named} --patient CODE."
    )


def open_case(api: Api, *, accession_number: str, patient: str, priority: str) -> Json:
    """Open a case; the one that is there already, if it is the same patient's."""
    body: Json = {
        "accession_number": accession_number,
        "patient": patient,
        "priority": priority,
    }
    try:
        return api.post("cases", body)
    except RefusedError as error:
        if error.status != CONFLICT or "case" not in error.problem:
            raise
        case = api.get(f"cases/{error.problem['case']}")
    if case["patient"] != patient:
        raise HistoError(
            f"{accession_number} is patient {case['patient']}'s already. "
            "Check the accession number and the patient code."
        )
    return case


def _is_id(named: str) -> bool:
    try:
        uuid.UUID(named)
    except ValueError:
        return False
    return True
