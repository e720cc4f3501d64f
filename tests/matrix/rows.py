"""What everybody is answered, at every address: the rows of the matrix.

A row names an address, a method, what is sent, and eight statuses, in the order of
cast.WHO: anonymous, technician, pathologist, administrator, somebody of elsewhere, a
superuser (who is no member), a disabled member, and an expired session or token.
"""

from dataclasses import dataclass, field
from typing import Any

OPEN_TO_ALL = "200 200 200 200 200 200 200 200"
# --- The portal: who is not signed in is led to the sign-in page --------------
LIST = "302 200 200 200 200 200 302 302"
PAGE = "302 200 200 200 404 404 302 302"
WORK_PAGE = "302 200 200 403 404 404 302 302"
WORK = "302 302 302 403 404 404 302 302"
SPEAK = "302 302 302 302 404 404 302 302"
KEEP = "302 403 200 200 404 404 302 302"
READ = "302 403 302 403 404 404 302 302"
OWN = "302 302 302 302 302 302 302 302"
# A superuser looks after every laboratory's people, and reads nobody's cases.
RULE_PAGE = "302 403 403 200 404 200 302 302"
RULE = "302 403 403 302 404 302 302 302"
# --- The API: who has no usable token is told so ------------------------------
API_LIST = "401 200 200 200 200 200 401 401"
API_PAGE = "401 200 200 200 404 404 401 401"
API_WORK = "401 201 201 403 404 404 401 401"
API_CHANGE = "401 200 200 403 404 404 401 401"
API_SPEAK = "401 201 201 201 404 404 401 401"
API_KEEP = "401 403 200 200 404 404 401 401"
API_READ = "401 403 201 403 404 404 401 401"
API_RULE = "401 403 403 200 404 404 401 401"


@dataclass(frozen=True)
class Row:
    """One address by one method. `ids` names the records behind the ids in it."""

    method: str
    name: str
    statuses: str
    sent: dict[str, Any] = field(default_factory=dict)
    ids: str = ""

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


LIST_OF_FILES = "file,accession_number,patient_code\na.png,S26-0009,P-9\n"

PORTAL = [
    Row("GET", "home", "302 302 302 302 302 302 302 302"),
    Row("GET", "login", "200 302 302 302 302 302 200 200"),
    Row("POST", "logout", OWN),
    Row("GET", "health-live", OPEN_TO_ALL),
    Row("GET", "health-ready", OPEN_TO_ALL),
    Row("GET", "case-list", LIST),
    Row("GET", "case-new", LIST),
    Row(
        "POST",
        "case-bulk",
        WORK,
        {"do": "mine", "case": "{case}"},
    ),
    Row("POST", "case-undo", OWN),
    Row("GET", "case-export", LIST),
    Row("GET", "case-export-answers", LIST),
    Row("GET", "case-detail", PAGE, ids="case"),
    Row("GET", "case-change", WORK_PAGE, ids="case"),
    Row("POST", "case-assign", WORK, {"to": "me"}, ids="case"),
    Row("GET", "case-messages", PAGE, ids="case"),
    Row("POST", "case-messages", SPEAK, {"text": "Rushed."}, ids="case"),
    Row("GET", "case-timeline", PAGE, ids="case"),
    Row("GET", "case-images", PAGE, ids="case"),
    Row("GET", "case-fetches", PAGE, ids="case"),
    Row(
        "POST",
        "case-fetches",  # Whoever may not is told so in the list.
        "302 302 302 403 404 404 302 302",
        {"url": "https://images.example.org/b.png", "specimen_label": "A"},
        ids="case",
    ),
    Row("POST", "fetch-cancel", WORK, ids="fetch"),
    Row("POST", "fetch-retry", "302 302 404 404 404 404 302 302", ids="fetch"),
    Row("GET", "import-new", LIST),
    Row("GET", "image-detail", PAGE, ids="image"),
    Row("GET", "image-answer", PAGE, ids="image"),
    Row("POST", "image-spacing", WORK, {"spacing_um": "0.25"}, ids="image"),
    Row("GET", "image-withdraw", WORK_PAGE, ids="image"),
    Row("POST", "image-withdraw", WORK, {"reason": "Of another."}, ids="image"),
    Row("GET", "image-move", WORK_PAGE, ids="image"),
    Row("GET", "image-original", KEEP, ids="image"),
    Row("GET", "image-display", PAGE, ids="image"),
    Row("GET", "image-thumbnail", PAGE, ids="image"),
    Row("GET", "heatmap", PAGE, ids="analysis"),
    Row("POST", "analysis-again", WORK, ids="analysis"),
    Row("POST", "analysis-cancel", WORK, ids="analysis"),
    Row("GET", "token-list", LIST),
    Row("POST", "token-revoke", "302 302 404 404 404 404 302 302", ids="token"),
    Row("GET", "password-change", LIST),
    Row("GET", "laboratory-list", "302 200 200 302 200 200 302 302"),
    Row("GET", "member-list", RULE_PAGE, ids="laboratory"),
    Row("POST", "member-role", RULE, {"role": "technician"}, "laboratory membership"),
    Row("POST", "member-disable", RULE, ids="laboratory membership"),
    Row("POST", "member-enable", RULE, ids="laboratory membership"),
    Row(
        "POST",
        "invitation-new",  # The link is shown in the answer: once.
        RULE_PAGE,
        {"role": "technician", "note": "the new one"},
        "laboratory",
    ),
    Row("POST", "invitation-revoke", RULE, ids="laboratory invitation"),
    Row("GET", "laboratory-settings", RULE_PAGE, ids="laboratory"),
    Row("GET", "laboratory-audit", RULE_PAGE, ids="laboratory"),
    Row("POST", "analysis-review", READ, {"verdict": "malignant"}, ids="analysis"),
]

API = [
    Row("GET", "api:page", OPEN_TO_ALL),
    Row("GET", "api:schema", OPEN_TO_ALL),
    Row("GET", "api:problems", OPEN_TO_ALL),
    Row("GET", "api:me", API_LIST),
    Row("GET", "api:case-list", API_LIST),
    Row(
        "POST",
        "api:case-list",
        "401 201 201 403 201 400 401 401",
        {"accession_number": "S26-0009", "patient": "P-9"},
    ),
    Row("GET", "api:case-detail", API_PAGE, ids="case"),
    Row("PATCH", "api:case-detail", API_CHANGE, {"priority": "urgent"}, ids="case"),
    Row("GET", "api:case-images", API_PAGE, ids="case"),
    Row("GET", "api:messages", API_PAGE, ids="case"),
    Row("POST", "api:messages", API_SPEAK, {"text": "Rushed."}, ids="case"),
    Row(
        "POST",
        "api:case-fetches",
        "401 201 201 403 404 404 401 401",
        {"url": "https://images.example.org/b.png"},
        ids="case",
    ),
    Row("GET", "api:fetch-list", API_LIST),
    Row("GET", "api:fetch-detail", API_PAGE, ids="fetch"),
    Row("POST", "api:fetch-cancel", API_CHANGE, ids="fetch"),
    Row("GET", "api:image-detail", API_PAGE, ids="image"),
    Row("GET", "api:image-display", API_PAGE, ids="image"),
    Row("GET", "api:image-thumbnail", API_PAGE, ids="image"),
    Row("GET", "api:image-original", API_KEEP, ids="image"),
    Row("POST", "api:image-spacing", API_WORK, {"spacing_um": 0.25}, ids="image"),
    Row("POST", "api:image-withdraw", API_CHANGE, {"reason": "Of another."}, "image"),
    Row(
        "POST",
        "api:image-move",
        API_WORK,
        {"reason": "Of another.", "case": "{other_case}"},
        ids="image",
    ),
    Row("GET", "api:analysis-list", API_LIST),
    Row("GET", "api:analysis-detail", API_PAGE, ids="analysis"),
    Row("POST", "api:analysis-again", API_WORK, ids="analysis"),
    Row(
        "POST", "api:analysis-cancel", "401 409 409 403 404 404 401 401", ids="analysis"
    ),
    Row("GET", "api:prediction-detail", API_PAGE, ids="prediction"),
    Row("GET", "api:prediction-heatmap", API_PAGE, ids="prediction"),
    Row("GET", "api:reviews", API_PAGE, ids="prediction"),
    Row("POST", "api:reviews", API_READ, {"verdict": "malignant"}, ids="prediction"),
    Row("GET", "api:laboratory-list", API_LIST),
    Row("GET", "api:laboratory-detail", API_PAGE, ids="laboratory"),
    Row(
        "PATCH",
        "api:laboratory-detail",
        API_RULE,
        {"retention_days": 400},
        ids="laboratory",
    ),
    Row("GET", "api:members", API_PAGE, ids="laboratory"),
    Row("GET", "api:audit", API_RULE, ids="laboratory"),
    Row("GET", "api:invitations", API_RULE, ids="laboratory"),
    Row(
        "POST",
        "api:invitations",
        "401 403 403 201 404 404 401 401",
        {"role": "technician", "note": "the new one"},
        ids="laboratory",
    ),
    Row("POST", "api:invitation-revoke", API_RULE, ids="invitation"),
    Row("PATCH", "api:member", API_RULE, {"role": "technician"}, ids="membership"),
    Row("POST", "api:member-disable", API_RULE, ids="membership"),
    Row("POST", "api:member-enable", API_RULE, ids="membership"),
    Row("GET", "api:token-list", API_LIST),
    Row(
        "POST",
        "api:token-list",
        "401 201 201 201 201 201 401 401",
        {"name": "scanner", "scopes": ["read"], "days": 7},
    ),
    Row("POST", "api:token-revoke", "401 200 404 404 404 404 401 401", ids="token"),
    Row("GET", "api:export-cases", API_LIST),
    Row("GET", "api:export-answers", API_LIST),
    Row(
        "POST",
        "api:imports",
        "401 201 201 403 201 400 401 401",
        {"manifest": LIST_OF_FILES},
    ),
    Row(
        "POST",
        "api:import-check",
        "401 200 200 403 200 400 401 401",
        {"manifest": LIST_OF_FILES},
    ),
]
ROWS = [*PORTAL, *API]
# Asked elsewhere, with files, or open to all and of no record.
UPLOADS = {"image-upload", "import-check", "import-open", "invitation", "api:problem"}
