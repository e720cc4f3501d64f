import uuid

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from predictions.models import Analysis, Case, Image
from predictions.urls import portal
from tests.predictions.records import make_prediction

OPEN = {"home", "login", "logout"}
OF_NOBODY = {
    *("case-list", "case-new", "case-bulk", "case-undo"),
    *("case-export", "case-export-answers"),
    *("import-new", "import-check", "import-open"),
}
POSTED = {
    *("case-bulk", "case-undo", "case-assign"),
    *("import-check", "import-open", "image-upload", "image-spacing"),
    *("analysis-again", "analysis-cancel", "analysis-review"),
}
NAMES = sorted({str(pattern.name) for pattern in portal} - OPEN)


@pytest.fixture
def analysis(image: Image) -> Analysis:
    return make_prediction(image, heatmap_file=uuid.uuid4()).analysis


@pytest.fixture
def address(case: Case, image: Image, analysis: Analysis) -> dict[str, str]:
    """Every address of the portal, with ids of alice's laboratory."""
    ids = {"case": case.pk, "image": image.pk, "analysis": analysis.pk}
    found = {}
    for pattern in portal:
        wanted = pattern.pattern.converters
        arguments = {name: ids[name.removesuffix("_id")] for name in wanted}
        found[str(pattern.name)] = reverse(str(pattern.name), kwargs=arguments)
    return found


def ask(client: Client, name: str, address: dict[str, str], **headers: str) -> int:
    method = "POST" if name in POSTED else "GET"
    return client.generic(method, address[name], headers=headers).status_code


@pytest.mark.parametrize("name", NAMES)
def test_stranger_is_led_to_the_sign_in_page(
    name: str, address: dict[str, str], client: Client
) -> None:
    method = "POST" if name in POSTED else "GET"
    response = client.generic(method, address[name])
    assert response.status_code == 302
    assert response["Location"].startswith("/sign-in/?next=/")


@pytest.mark.parametrize("name", sorted(set(NAMES) - OF_NOBODY))
def test_somebody_elses_id_is_not_there(
    name: str, address: dict[str, str], as_charlie: Client
) -> None:
    assert ask(as_charlie, name, address) == 404


@pytest.mark.parametrize("name", sorted(POSTED))
def test_nothing_changes_by_get(
    name: str, address: dict[str, str], as_alice: Client
) -> None:
    assert as_alice.get(address[name]).status_code == 405


@pytest.mark.parametrize("name", ["case-list", "case-detail", "image-detail"])
def test_pages_are_kept_by_no_cache(
    name: str, address: dict[str, str], as_alice: Client
) -> None:
    assert "no-store" in as_alice.get(address[name])["Cache-Control"]


def test_moving_part_makes_the_page_reload_when_signed_out(
    address: dict[str, str], client: Client
) -> None:
    response = client.get(address["case-images"], headers={"HX-Request": "true"})
    assert response.status_code == 401
    assert response["HX-Refresh"] == "true"


def test_script_is_told_in_words_when_signed_out(
    address: dict[str, str], client: Client
) -> None:
    response = client.post(
        address["image-upload"], headers={"Accept": "application/json"}
    )
    assert response.status_code == 401
    assert "You are signed out." in response.json()["message"]


def test_disabled_account_is_signed_out(
    address: dict[str, str], as_alice: Client, alice: User
) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert ask(as_alice, "case-list", address) == 302


@pytest.mark.parametrize("name", sorted({"login", *NAMES} - POSTED))
def test_policy_allows_no_inline_script_or_style(
    name: str, address: dict[str, str], as_alice: Client
) -> None:
    response = as_alice.get(address[name])
    policy = response["Content-Security-Policy"]
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
