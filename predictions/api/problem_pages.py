"""A page for each kind of problem: what its `type` leads to."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from predictions.api.problem_types import problem_type, problem_types


@require_safe
def problem_page(request: HttpRequest, code: str) -> HttpResponse:
    """One kind of problem. For everybody: there is nothing of a laboratory in it."""
    kind = problem_type(code)
    if kind is None:
        raise Http404
    return render(request, "predictions/problem.html", {"kind": kind})


@require_safe
def problem_list(request: HttpRequest) -> HttpResponse:
    """Every kind of problem."""
    return render(request, "predictions/problems.html", {"kinds": problem_types()})
