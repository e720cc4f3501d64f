"""A laboratory's settings and its audit trail."""

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from predictions.forms.laboratories import AuditForm, SettingsForm
from predictions.models import Laboratory
from predictions.services.audit import check_tail
from predictions.services.laboratories import change_laboratory, storage_used
from predictions.views import people_queries
from predictions.views.access import SignedInRequest, signed_in
from predictions.views.administration import administered
from predictions.views.sizes import size_words

EVENTS_PER_PAGE = 50


@require_safe
@signed_in
def laboratory_list(request: SignedInRequest) -> HttpResponse:
    """What the person looks after; of one alone, its members at once."""
    mine = people_queries.administered_laboratories(request.user)
    laboratories = list(mine.order_by("name"))
    if len(laboratories) == 1:
        return redirect("member-list", laboratories[0].pk)
    context = {"laboratories": laboratories}
    return render(request, "predictions/people/laboratories.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@administered
def laboratory_settings(
    request: SignedInRequest, laboratory: Laboratory
) -> HttpResponse:
    form = SettingsForm(request.POST or None, instance=laboratory)
    if request.method == "POST" and form.is_valid():
        change_laboratory(
            laboratory=form.instance, changed_by=request.user, names=form.changed_data
        )
        words = "The settings are saved." if form.changed_data else "Nothing changed."
        messages.success(request, words)
        return redirect("laboratory-settings", laboratory.pk)
    used_bytes = storage_used(laboratory=laboratory)
    context = {
        "laboratory": laboratory,
        "form": form,
        "used_bytes": used_bytes,
        "used": size_words(used_bytes),
        "quota": size_words(laboratory.quota_bytes),
        "is_full": used_bytes >= laboratory.quota_bytes,
    }
    status = 422 if form.errors else 200
    return render(request, "predictions/people/settings.html", context, status=status)


@require_safe
@administered
def laboratory_audit(request: SignedInRequest, laboratory: Laboratory) -> HttpResponse:
    actions = people_queries.actions(laboratory)
    form = AuditForm(request.GET, actions=actions)
    wanted = form.cleaned_data if form.is_valid() else {}
    found = people_queries.events(laboratory, **wanted)
    page = Paginator(found, EVENTS_PER_PAGE).get_page(request.GET.get("page"))
    kept = request.GET.copy()
    kept.pop("page", None)
    context = {
        "laboratory": laboratory,
        "form": form,
        "page": page,
        "is_narrowed": any(wanted.values()),
        "kept": kept.urlencode(),
        "tail": check_tail(laboratory=laboratory),
    }
    return render(request, "predictions/people/audit.html", context)
