"""Windows onto the record, for the installation's keeper."""

from django.contrib import admin

from predictions.admin.analyses import AnalysisAdmin, PredictionAdmin
from predictions.admin.cases import CaseAdmin, ImageAdmin, PatientAdmin, SpecimenAdmin
from predictions.admin.conversations import MessageAdmin, ReviewAdmin
from predictions.admin.fetches import FetchAdmin
from predictions.admin.installation import (
    AuditEventAdmin,
    CounterAdmin,
    ModelVersionAdmin,
    RepeatAdmin,
)
from predictions.admin.laboratories import LaboratoryAdmin
from predictions.admin.members import InvitationAdmin, MembershipAdmin
from predictions.admin.people import ApiTokenAdmin, PeopleAdmin
from predictions.admin.queue import ReviewQueueAdmin
from predictions.admin.windows import NOTICE

__all__ = [
    "AnalysisAdmin",
    "ApiTokenAdmin",
    "AuditEventAdmin",
    "CaseAdmin",
    "CounterAdmin",
    "FetchAdmin",
    "ImageAdmin",
    "InvitationAdmin",
    "LaboratoryAdmin",
    "MembershipAdmin",
    "MessageAdmin",
    "ModelVersionAdmin",
    "PatientAdmin",
    "PeopleAdmin",
    "PredictionAdmin",
    "RepeatAdmin",
    "ReviewAdmin",
    "ReviewQueueAdmin",
    "SpecimenAdmin",
]

admin.site.site_header = admin.site.site_title = "histoapp"
admin.site.index_title = NOTICE
admin.site.enable_nav_sidebar = False  # The lists need the width.
