"""The OpenAPI document, and that answers are as it says."""

from typing import Any

import pytest
import yaml
from django.core.management import call_command
from rest_framework.test import APIClient

SCHEMA = "/api/v1/schema"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """As `manage.py spectacular` writes it: valid, and without a warning."""
    path = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", file=str(path), validate=True, fail_on_warn=True)
    read: dict[str, Any] = yaml.safe_load(path.read_text())
    return read


def test_the_document_is_openapi_3_1(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1.")
    assert (
        "Research use only. Not for diagnostic use."
        in (document["info"]["description"])
    )


def test_every_address_asks_for_a_token_and_says_how_it_refuses(
    document: dict[str, Any],
) -> None:
    operations = [
        operation
        for address in document["paths"].values()
        for operation in address.values()
    ]
    assert len(operations) == 46
    for operation in operations:
        (scheme,) = operation["security"]
        (scope,) = scheme["token"]
        assert f"Scope: `{scope}`." in operation["description"]
        refused = operation["responses"]["401"]["content"]
        assert set(refused) == {"application/problem+json"}


def test_an_upload_is_a_form_or_an_image(document: dict[str, Any]) -> None:
    upload = document["paths"]["/api/v1/cases/{case_id}/images"]["post"]
    assert set(upload["requestBody"]["content"]) == {
        "multipart/form-data",
        "image/png",
        "image/jpeg",
        "image/tiff",
    }
    assert {"200", "201", "207", "413", "415", "422", "507"} <= set(upload["responses"])


def test_no_field_of_an_answer_can_be_written(document: dict[str, Any]) -> None:
    written = [
        name
        for name in document["components"]["schemas"]
        if name.endswith(("In", "Request"))
    ]
    assert sorted(written) == [
        "CaseIn",
        "FetchIn",
        "ImportIn",
        "InvitationIn",
        "MessageIn",
        "MoveIn",
        "PatchedCaseChangeIn",
        "PatchedLaboratoryChangeIn",
        "PatchedMemberChangeIn",
        "ReviewIn",
        "SpacingIn",
        "TokenIn",
        "UploadFormIn",
        "WithdrawIn",
    ]


def test_anybody_may_read_the_document(anybody: APIClient) -> None:
    response = anybody.get(SCHEMA)
    assert response.status_code == 200
    assert "openapi: 3.1" in response.content.decode()
