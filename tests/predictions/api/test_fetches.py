"""Images fetched by API."""

from rest_framework.test import APIClient

from predictions.models import Case, Fetch, Laboratory

URL = {"url": "https://images.example.org/s26.png", "spacing_um": 0.25}


def test_a_laboratory_that_does_not_allow_it_fetches_nothing(
    as_alice: APIClient, case: Case
) -> None:
    response = as_alice.post(f"/api/v1/cases/{case.pk}/fetches", URL, format="json")
    assert 400 <= response.status_code < 500
    assert response["Content-Type"] == "application/problem+json"
    assert not Fetch.objects.exists()


def test_a_fetch_shows_its_address_to_who_asked_only(
    as_alice: APIClient, as_bob: APIClient, case: Case
) -> None:
    Laboratory.objects.update(may_fetch=True)
    made = as_alice.post(f"/api/v1/cases/{case.pk}/fetches", URL, format="json")
    assert made.status_code == 201
    shown = made.json()
    assert (shown["status"], shown["url"]) == ("accepted", URL["url"])
    assert (shown["spacing_um"], shown["image"]) == (0.25, None)
    address = f"/api/v1/fetches/{shown['id']}"
    assert as_bob.get(address).json()["url"] is None
    assert as_bob.get(f"/api/v1/fetches?case={case.pk}").json()["results"]
    assert as_bob.post(f"{address}/cancel").json()["status"] == "cancelled"
    assert as_bob.post(f"{address}/cancel").status_code == 409


def test_an_address_inside_is_refused(as_alice: APIClient, case: Case) -> None:
    Laboratory.objects.update(may_fetch=True)
    address = f"/api/v1/cases/{case.pk}/fetches"
    for url in ("file:///etc/passwd", "http://127.0.0.1/", "nonsense", "ftp://x/y"):
        response = as_alice.post(address, {"url": url}, format="json")
        assert response.status_code == 422, url
        kind = response.json()["type"]
        assert kind == "/api/v1/problems/address_refused"
