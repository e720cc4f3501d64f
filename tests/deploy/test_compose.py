"""docker-compose.yml: complete, closed, and without a secret in it."""

import re
from typing import Any

import pytest
import yaml

from tests.data import REPOSITORY
from tests.deploy.settings_loaded import load_settings
from tests.deploy.sources import (
    is_pinned,
    known_variables,
    required_variables,
    runs_django,
    stages,
)
from tests.deploy.test_images import version

FILE: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = FILE["services"]
OURS = {n: s for n, s in SERVICES.items() if s["image"].startswith("histoapp-")}
DJANGO = {
    n: s for n, s in OURS.items() if runs_django(s["image"], s.get("command", []))
}
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|KEY")


def example() -> dict[str, str]:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    pairs = [line.partition("=") for line in lines if line and line[0] != "#"]
    return {name: text for name, _, text in pairs}


def filled_in() -> dict[str, str]:
    """As an operator fills in the example."""
    return {name: text or "x" * 60 for name, text in example().items()}


def interpolated(text: str) -> str:
    values = filled_in()

    def put(match: re.Match[str]) -> str:
        name, kind, word = match.groups()
        return values.get(name) or (word if kind == "-" else f"no {name}")

    return VARIABLE.sub(put, text)


def environment(service: dict[str, Any]) -> dict[str, str]:
    target = service["image"].partition(":")[0].removeprefix("histoapp-")
    given = {n: interpolated(str(t)) for n, t in service["environment"].items()}
    return stages()[target].environment | given


@pytest.mark.parametrize("name", sorted(DJANGO))
def test_a_service_gets_every_variable_that_the_settings_demand(name: str) -> None:
    assert required_variables() - set(environment(DJANGO[name])) == set()


@pytest.mark.parametrize("name", sorted(DJANGO))
def test_a_service_is_given_no_variable_that_nobody_reads(name: str) -> None:
    assert set(DJANGO[name]["environment"]) <= known_variables()


@pytest.mark.parametrize("name", ["migrate", "web"])
def test_the_settings_load_with_what_a_service_gets(name: str) -> None:
    load_settings(environment(DJANGO[name]))


def test_only_the_migration_works_as_the_owner_of_the_tables() -> None:
    owners = [
        name
        for name, service in DJANGO.items()
        if "histoapp_owner" in service["environment"]["DATABASE_URL"]
    ]
    assert owners == ["migrate"]


def test_only_the_web_is_published_and_only_on_loopback() -> None:
    published = {n: s["ports"] for n, s in SERVICES.items() if "ports" in s}
    assert list(published) == ["web"]
    for port in published["web"]:
        assert str(port).startswith("127.0.0.1:")
    assert FILE["networks"]["inside"] == {"internal": True}
    for name, service in SERVICES.items():
        assert name == "web" or service["networks"] == ["inside"]


def test_no_secret_stands_in_the_file_or_in_the_example() -> None:
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if SECRET.search(name):
                assert re.fullmatch(r"\$\{\w+:\?[^}]*\}", value), name
            for password in re.findall(r"://\w*:(.*)@", str(value)):
                assert re.fullmatch(r"\$\{\w+:\?[^}]*\}", password), name
    for name, text in example().items():
        assert not (SECRET.search(name) and text), name


def test_the_example_names_every_variable_of_the_file() -> None:
    text = (REPOSITORY / "docker-compose.yml").read_text()
    assert {name for name, *_ in VARIABLE.findall(text)} == set(example())


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_pinned_and_may_do_little(name: str) -> None:
    service = SERVICES[name]
    assert is_pinned(service["image"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "restart" in service


def test_services_of_ours_have_the_version_of_the_project_and_a_target() -> None:
    for service in OURS.values():
        image, _, tag = service["image"].partition(":")
        assert tag == version()
        assert service["build"]["target"] == image.removeprefix("histoapp-")


def test_web_worker_and_dispatcher_see_the_same_files() -> None:
    for name in ("web", "worker", "dispatcher"):
        folder = environment(SERVICES[name])["STORAGE_ROOT"]
        assert f"files:{folder}" in SERVICES[name]["volumes"]


def test_every_named_volume_and_mounted_file_is_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            is_path = source.startswith("./")
            assert (
                (REPOSITORY / source).is_file()
                if is_path
                else source in FILE["volumes"]
            )


def test_nobody_waits_for_a_service_without_a_health_check() -> None:
    for service in SERVICES.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in SERVICES[name], name
            else:
                assert SERVICES[name]["restart"] == "on-failure"  # It ends.


def test_redis_forgets_nothing_and_asks_for_a_password() -> None:
    words = " ".join(SERVICES["redis"]["command"])
    for setting in ("requirepass", "appendonly yes", "maxmemory-policy noeviction"):
        assert setting in words
