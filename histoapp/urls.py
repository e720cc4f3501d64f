"""Every address, by room."""

from django.contrib import admin
from django.urls import include, path

from predictions.views.sign_in import admin_sign_in

urlpatterns = [
    path("", include("predictions.urls")),
    path("admin/login/", admin_sign_in),  # Before the admin's own.
    path("admin/", admin.site.urls),
]

handler400 = "histoapp.errors.bad_request"
handler403 = "histoapp.errors.forbidden"
handler404 = "histoapp.errors.not_found"
handler500 = "histoapp.errors.server_error"
