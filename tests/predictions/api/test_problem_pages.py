"""A kind of problem is an address, and the address says what to do."""

import ast
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from rest_framework import exceptions
from rest_framework.test import APIClient

from histoapp.errors import CODES
from predictions.api.problem_types import ProblemType, problem_types
from predictions.images.errors import REFUSALS
from predictions.models import Case
from tests.data import REPOSITORY


def sources() -> Iterator[ast.AST]:
    for room in ("api", "services", "images"):
        for path in (REPOSITORY / "predictions" / room).rglob("*.py"):
            yield ast.parse(path.read_text())
    yield ast.parse((REPOSITORY / "predictions" / "uploads.py").read_text())


def written_codes() -> set[str]:
    """Every code that stands in the source: `code = "x"`, or code="x" in a call."""
    codes = set()
    for tree in sources():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "code":
                codes.add(getattr(node.value, "value", None))
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in {
                "code",
                "default_code",
            }:
                codes.add(getattr(node.value, "value", None))
    return {code for code in codes if isinstance(code, str)}


FRAMEWORK: set[type[exceptions.APIException]] = {
    exceptions.AuthenticationFailed,
    exceptions.MethodNotAllowed,
    exceptions.NotAuthenticated,
    exceptions.NotFound,
    exceptions.ParseError,
    exceptions.PermissionDenied,
    exceptions.UnsupportedMediaType,
    exceptions.ValidationError,
}
# Said of a field within `errors`, or on the command line.
NO_PROBLEMS = {"unprintable", "not_a_model", "model_changed"}


def test_every_code_has_its_words() -> None:
    known = {kind.code for kind in problem_types()}
    raised = {error.default_code for error in FRAMEWORK} | set(CODES.values())
    assert (written_codes() | raised | REFUSALS) - NO_PROBLEMS - known == set()
    for kind in problem_types():
        assert kind.title
        assert kind.meaning
        assert kind.advice


@pytest.mark.parametrize("kind", problem_types(), ids=lambda kind: kind.code)
def test_every_kind_has_a_page_for_everybody(client: Client, kind: ProblemType) -> None:
    page = client.get(reverse("api:problem", args=[kind.code]))
    assert page.status_code == 200
    shown = page.content.decode()
    assert "<h1>" in shown
    assert ("Yes: " in shown) is kind.helps_to_repeat


def test_the_kinds_are_listed(client: Client) -> None:
    shown = client.get("/api/v1/problems").content.decode()
    for kind in problem_types():
        assert f'href="/api/v1/problems/{kind.code}"' in shown


def test_a_kind_that_is_none_is_not_there(client: Client) -> None:
    assert client.get("/api/v1/problems/nonsense").status_code == 404


def test_the_type_of_every_refusal_opens(
    as_alice: APIClient,
    as_dora: APIClient,
    anybody: APIClient,
    client: Client,
    case: Case,
    alice: User,
) -> None:
    cases = "/api/v1/cases"
    same = {"accession_number": case.accession_number, "patient": "P"}
    for response in (
        anybody.get(cases),
        anybody.get(cases, headers={"authorization": "Bearer x"}),
        as_alice.get(f"{cases}?nonsense=1"),
        as_alice.get(f"{cases}?cursor=x"),
        as_alice.get(f"{cases}/1"),
        as_alice.get(f"{cases}/{alice.pk:032}"),
        as_alice.get("/api/v1/nonsense"),
        as_alice.put(cases),
        as_alice.post(cases, "{", content_type="application/json"),
        as_alice.post(cases, "x", content_type="text/plain"),
        as_alice.post(cases, same, format="json"),
        as_dora.post(cases, same, format="json"),
        as_alice.post(cases, same, format="json", headers={"idempotency-key": ""}),
    ):
        assert response.status_code >= 400
        kind = response.json()["type"]
        assert client.get(kind).status_code == 200, kind
