"""What is remembered: facts, constraints, transitions."""

from predictions.models.analysis import Analysis
from predictions.models.audit import AuditEvent
from predictions.models.case import (
    Case,
    CaseStatus,
    Consent,
    Patient,
    Priority,
    Specimen,
)
from predictions.models.counter import Counter
from predictions.models.fetch import Fetch
from predictions.models.image import Image
from predictions.models.invitation import Invitation
from predictions.models.job import JobStatus
from predictions.models.laboratory import Laboratory, Membership, Role, let_in
from predictions.models.message import Message
from predictions.models.model_version import ModelVersion
from predictions.models.prediction import Outcome, Prediction
from predictions.models.repeat import Repeat
from predictions.models.review import Review, Verdict
from predictions.models.review_queue import ReviewQueue
from predictions.models.token import ApiToken, Scope

__all__ = [
    "Analysis",
    "ApiToken",
    "AuditEvent",
    "Case",
    "CaseStatus",
    "Consent",
    "Counter",
    "Fetch",
    "Image",
    "Invitation",
    "JobStatus",
    "Laboratory",
    "Membership",
    "Message",
    "ModelVersion",
    "Outcome",
    "Patient",
    "Prediction",
    "Priority",
    "Repeat",
    "Review",
    "ReviewQueue",
    "Role",
    "Scope",
    "Specimen",
    "Verdict",
    "let_in",
]
