"""Every address of the domain."""

from django.contrib.auth.views import LogoutView
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView

from predictions.views.account import password_change, token_list, token_revoke
from predictions.views.analyses import analysis_again, analysis_cancel
from predictions.views.cases import (
    case_assign,
    case_change,
    case_detail,
    case_images,
    case_messages,
    case_new,
    case_timeline,
)
from predictions.views.fetches import case_fetches, fetch_cancel, fetch_retry
from predictions.views.files import heatmap, image_display, image_thumbnail
from predictions.views.health import health_live, health_ready
from predictions.views.images import image_answer, image_detail, image_spacing
from predictions.views.imports import import_check, import_new, import_open
from predictions.views.invitations import invitation
from predictions.views.laboratories import (
    laboratory_audit,
    laboratory_list,
    laboratory_settings,
)
from predictions.views.members import (
    invitation_new,
    invitation_revoke,
    member_disable,
    member_enable,
    member_list,
    member_role,
)
from predictions.views.originals import image_original
from predictions.views.reviews import analysis_review
from predictions.views.sign_in import SignIn
from predictions.views.uploads import image_upload
from predictions.views.withdrawals import image_move, image_withdraw
from predictions.views.worklist import case_bulk, case_export, case_list, case_undo

account: list[URLPattern] = [
    path("sign-in/", SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("account/tokens/", token_list, name="token-list"),
    path("account/tokens/<uuid:token_id>/revoke/", token_revoke, name="token-revoke"),
    path("account/password/", password_change, name="password-change"),
    path("invitations/<str:secret>/", invitation, name="invitation"),
]

LABORATORY = "laboratories/<uuid:laboratory_id>"
MEMBER = f"{LABORATORY}/members/<int:membership_id>"
INVITATIONS = f"{LABORATORY}/invitations"

people: list[URLPattern] = [
    path("laboratories/", laboratory_list, name="laboratory-list"),
    path(f"{LABORATORY}/members/", member_list, name="member-list"),
    path(f"{MEMBER}/role/", member_role, name="member-role"),
    path(f"{MEMBER}/disable/", member_disable, name="member-disable"),
    path(f"{MEMBER}/enable/", member_enable, name="member-enable"),
    path(f"{INVITATIONS}/new/", invitation_new, name="invitation-new"),
    path(
        f"{INVITATIONS}/<uuid:invitation_id>/revoke/",
        invitation_revoke,
        name="invitation-revoke",
    ),
    path(f"{LABORATORY}/settings/", laboratory_settings, name="laboratory-settings"),
    path(f"{LABORATORY}/audit/", laboratory_audit, name="laboratory-audit"),
]

portal: list[URLPattern] = [
    *account,
    *people,
    path("", RedirectView.as_view(pattern_name="case-list"), name="home"),
    path("cases/", case_list, name="case-list"),
    path("cases/new/", case_new, name="case-new"),
    path("cases/bulk/", case_bulk, name="case-bulk"),
    path("cases/undo/", case_undo, name="case-undo"),
    path("cases/export/cases.csv", case_export, {"what": "cases"}, name="case-export"),
    path(
        "cases/export/answers.csv",
        case_export,
        {"what": "answers"},
        name="case-export-answers",
    ),
    path("cases/<uuid:case_id>/", case_detail, name="case-detail"),
    path("cases/<uuid:case_id>/change/", case_change, name="case-change"),
    path("cases/<uuid:case_id>/assign/", case_assign, name="case-assign"),
    path("cases/<uuid:case_id>/messages/", case_messages, name="case-messages"),
    path("cases/<uuid:case_id>/timeline/", case_timeline, name="case-timeline"),
    path("cases/<uuid:case_id>/images/", case_images, name="case-images"),
    path("cases/<uuid:case_id>/upload/", image_upload, name="image-upload"),
    path("cases/<uuid:case_id>/fetches/", case_fetches, name="case-fetches"),
    path("fetches/<uuid:fetch_id>/cancel/", fetch_cancel, name="fetch-cancel"),
    path("fetches/<uuid:fetch_id>/retry/", fetch_retry, name="fetch-retry"),
    path("import/", import_new, name="import-new"),
    path("import/check/", import_check, name="import-check"),
    path("import/open/", import_open, name="import-open"),
    path("images/<uuid:image_id>/", image_detail, name="image-detail"),
    path("images/<uuid:image_id>/answer/", image_answer, name="image-answer"),
    path("images/<uuid:image_id>/spacing/", image_spacing, name="image-spacing"),
    path("images/<uuid:image_id>/withdraw/", image_withdraw, name="image-withdraw"),
    path("images/<uuid:image_id>/move/", image_move, name="image-move"),
    path("images/<uuid:image_id>/original/", image_original, name="image-original"),
    path("images/<uuid:image_id>/display/", image_display, name="image-display"),
    path("images/<uuid:image_id>/thumbnail/", image_thumbnail, name="image-thumbnail"),
    path("analyses/<uuid:analysis_id>/heatmap/", heatmap, name="heatmap"),
    path("analyses/<uuid:analysis_id>/again/", analysis_again, name="analysis-again"),
    path(
        "analyses/<uuid:analysis_id>/review/", analysis_review, name="analysis-review"
    ),
    path(
        "analyses/<uuid:analysis_id>/cancel/", analysis_cancel, name="analysis-cancel"
    ),
]

health: list[URLPattern] = [
    path("health/live", health_live, name="health-live"),
    path("health/ready", health_ready, name="health-ready"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *portal,
    *health,
    path("api/v1/", include("predictions.api.urls")),
]
