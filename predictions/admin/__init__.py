"""Windows onto the record, for the installation's keeper."""

from django.contrib import admin

from predictions.admin.analyses import AnalysisAdmin, PredictionAdmin
from predictions.admin.cases import CaseAdmin, ImageAdmin, PatientAdmin, SpecimenAdmin
from predictions.admin.installation import AuditEventAdmin, ModelVersionAdmin
from predictions.admin.laboratories import LaboratoryAdmin, MembershipAdmin
from predictions.admin.people import ApiTokenAdmin, PeopleAdmin
from predictions.admin.windows import NOTICE

__all__ = [
    "AnalysisAdmin",
    "ApiTokenAdmin",
    "AuditEventAdmin",
    "CaseAdmin",
    "ImageAdmin",
    "LaboratoryAdmin",
    "MembershipAdmin",
    "ModelVersionAdmin",
    "PatientAdmin",
    "PeopleAdmin",
    "PredictionAdmin",
    "SpecimenAdmin",
]

admin.site.site_header = admin.site.site_title = "histoapp"
admin.site.index_title = NOTICE
