"""What a program reads while something is away."""

import pytest
from django.db import connections
from rest_framework.test import APIClient


def test_a_database_that_is_away_is_503_and_asks_to_come_back(
    committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", "nowhere")
    connections.close_all()
    program = APIClient(
        raise_request_exception=False, HTTP_AUTHORIZATION="Bearer histo_any"
    )
    response = program.get("/api/v1/cases")
    assert response.status_code == 503
    assert int(response["Retry-After"]) > 0
    assert response["Content-Type"] == "application/problem+json"
    assert "nowhere" not in response.content.decode()


def test_an_address_that_is_none_is_a_problem_too(anybody: APIClient, db: None) -> None:
    response = anybody.get("/api/v1/nothing/of/this")
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
