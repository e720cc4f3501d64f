"""What is remembered: facts, constraints, transitions."""

from predictions.models.analysis import Analysis, AnalysisStatus
from predictions.models.audit import AuditEvent
from predictions.models.case import Case, Patient, Priority, Specimen
from predictions.models.image import Image
from predictions.models.laboratory import Laboratory, Membership, Role
from predictions.models.model_version import ModelVersion
from predictions.models.prediction import Outcome, Prediction
from predictions.models.token import ApiToken

__all__ = [
    "Analysis",
    "AnalysisStatus",
    "ApiToken",
    "AuditEvent",
    "Case",
    "Image",
    "Laboratory",
    "Membership",
    "ModelVersion",
    "Outcome",
    "Patient",
    "Prediction",
    "Priority",
    "Role",
    "Specimen",
]
