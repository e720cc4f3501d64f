"""A token does what it was made for."""

import pytest
from django.contrib.auth.models import User
from django.urls import URLPattern
from rest_framework.test import APIClient

from predictions.api.urls import urlpatterns
from predictions.api.views import ApiView
from predictions.models import ApiToken, Case, Scope
from predictions.services.tokens import issue_token

CASES = "/api/v1/cases"
READING = {"get", "head"}


def token_with(user: User, *scopes: Scope) -> APIClient:
    token, secret = issue_token(user=user, name="a program")
    ApiToken.objects.filter(pk=token.pk).update(scopes=list(scopes))
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {secret}")


def operations() -> list[tuple[type[ApiView], str, str]]:
    """Every (view, method, operation) there is."""
    found = []
    for pattern in urlpatterns:
        assert isinstance(pattern, URLPattern)
        view = getattr(pattern.callback, "cls", None)
        if not view or not issubclass(view, ApiView):
            continue
        actions = getattr(pattern.callback, "actions", None) or {
            method: method for method in view.http_method_names if hasattr(view, method)
        }
        found += [(view, method, name) for method, name in actions.items()]
    return found


def test_every_operation_names_the_scope_that_it_needs() -> None:
    for view, method, name in operations():
        if method == "head" and name == "head":
            continue  # Django's own alias of get.
        needed = view.needs[name]
        assert (needed == Scope.READ) == (method in READING) or (
            needed == Scope.ADMINISTER and method in READING
        ), (view, method, name)


def test_a_view_names_no_operation_that_it_has_not() -> None:
    named = {(view, name) for view, _, _ in operations() for name in view.needs}
    assert named == {(view, name) for view, _, name in operations() if name != "head"}


def test_a_token_to_read_does_not_write(alice: User, case: Case) -> None:
    program = token_with(alice, Scope.READ)
    assert program.get(CASES).status_code == 200
    response = program.post(CASES, {}, format="json")
    assert response.status_code == 403
    assert response.json()["type"] == "/api/v1/problems/scope_missing"
    assert "'write'" in response.json()["detail"]


@pytest.mark.parametrize("scope", [Scope.WRITE, Scope.REVIEW, Scope.ADMINISTER])
def test_no_other_scope_reads(alice: User, case: Case, scope: Scope) -> None:
    response = token_with(alice, scope).get(CASES)
    assert response.status_code == 403
    assert "'read'" in response.json()["detail"]


def test_a_token_without_scopes_does_nothing(alice: User, case: Case) -> None:
    program = token_with(alice)
    assert program.get(f"{CASES}/{case.pk}").status_code == 403
    assert program.get(f"{CASES}/{case.pk}/images").status_code == 403


def test_what_an_address_does_not_do_is_said_before_any_scope(alice: User) -> None:
    assert token_with(alice).put(CASES).status_code == 405
    assert token_with(alice).options(CASES).status_code == 405
