import pytest
from django.db import connection
from django.test import Client
from pytest_django import Settings


def test_process_is_live_without_anything_else(client: Client) -> None:
    assert client.get("/health/live").status_code == 200


@pytest.mark.django_db
def test_ready_with_records_and_storage(client: Client) -> None:
    response = client.get("/health/ready")
    assert response.status_code == 200
    assert response.json() == {"ready": True, "postgresql": True, "storage": True}


@pytest.mark.django_db
def test_probe_leaves_nothing_in_the_storage(
    client: Client, settings: Settings
) -> None:
    client.get("/health/ready")
    assert [path for path in settings.STORAGE_ROOT.rglob("*") if path.is_file()] == []


@pytest.mark.django_db
def test_not_ready_without_storage(client: Client, settings: Settings) -> None:
    client.get("/health/ready")
    (settings.STORAGE_ROOT / "incoming").rmdir()
    response = client.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["storage"] is False


def test_not_ready_without_postgresql(
    client: Client, committed_db: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection.close()
    with monkeypatch.context() as patch:
        patch.setitem(connection.settings_dict, "NAME", "nobody_made_this")
        response = client.get("/health/ready")
        connection.close()
    assert response.status_code == 503
    assert response.json()["postgresql"] is False
