"""The whole schema as each role: never a 5xx, never an answer that it does not name."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections
from hypothesis import HealthCheck, Phase
from pytest_django.fixtures import Settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from predictions.models import Fetch, Image, Laboratory, Role, Scope
from predictions.services.people import invite
from predictions.services.storage import store
from predictions.services.tokens import issue_token
from tests.predictions.api.conftest import png
from tests.predictions.api.schema_report import Report
from tests.predictions.records import make_image, make_person, make_prediction

EXAMPLES = 8  # Of each of some forty operations: under a minute a role.
ROLES = {
    "alice": "technician",
    "bob": "pathologist",
    "dora": "administrator",
    "charlie": "pathologist elsewhere",
}
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(autouse=True)
def unlimited(settings: Settings) -> Iterator[None]:
    """No limit of rates; and the test's own connection stays open between requests."""
    settings.API_READS_PER_MINUTE = settings.API_WRITES_PER_MINUTE = 1_000_000
    for ends in (request_started, request_finished):
        ends.disconnect(close_old_connections)
    yield
    for ends in (request_started, request_finished):
        ends.connect(close_old_connections)


@pytest.fixture
def known(image: Image, laboratory: Laboratory, alice: User, dora: User) -> Any:
    """Ids that are there: an address with a random one would only ever answer 404."""
    erin = make_person("erin", laboratory, Role.TECHNICIAN)
    Laboratory.objects.update(may_fetch=True)
    fetch = Fetch.objects.create(
        case=image.case, url="https://images.example.org/1.png", asked_by=erin
    )
    invitation, _ = invite(
        laboratory=laboratory, role=Role.TECHNICIAN, note="fay", invited_by=dora
    )
    pictured = make_image(
        image.case,
        alice,
        stored_file=store().keep_bytes(png()),
        display_file=store().keep_bytes(b"display"),
        thumbnail_file=store().keep_bytes(b"thumbnail"),
    )
    answered = make_prediction(pictured, heatmap_file=store().keep_bytes(b"heatmap"))
    return {
        "/cases": image.case_id,
        "/images": pictured.pk,
        "/analyses": answered.pk,
        "/predictions": answered.pk,
        "/laboratories": laboratory.pk,
        "/fetches": fetch.pk,
        "/members": erin.memberships.get().pk,
        "/invitations": invitation.pk,
    }


def closing_app() -> Any:
    """The application; files are read to their end and closed, as a server does."""
    application = get_wsgi_application()

    def whole(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        answer = application(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            answer.close()

    return whole


@pytest.fixture(scope="module")
def report() -> Iterator[Report]:
    """All answers; written where SCHEMA_REPORT says, if it says."""
    report = Report()
    yield report
    if path := os.environ.get("SCHEMA_REPORT"):
        report.write(Path(path), roles=ROLES)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("who", ROLES)
def test_every_answer_is_one_that_the_schema_names(
    request: pytest.FixtureRequest,
    known: dict[str, object],
    report: Report,
    who: str,
) -> None:
    person: User = request.getfixturevalue(who)
    _, secret = issue_token(user=person, name="a program", scopes=list(Scope))
    headers = {"Authorization": f"Bearer {secret}"}
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema?format=json", closing_app())
    asked = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        for status in _ask_often(operation, headers, known):
            report.add(operation.label, who, status)
        asked.add(operation.label)
    assert len(asked) >= 46


def _ask_often(operation: Any, headers: Any, known: dict[str, object]) -> list[int]:
    """With a fixed seed, every other time about something that is there: statuses."""
    statuses: list[int] = []

    @hypothesis.settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        room = operation.path.removeprefix("/api/v1").split("/{")[0]
        if len(statuses) % 2 == 0 and room in known:
            for name in case.path_parameters:
                case.path_parameters[name] = str(known[room])
        response = case.call(headers=headers)
        statuses.append(response.status_code)
        case.validate_response(response, checks=CHECKS)

    ask()
    return statuses
