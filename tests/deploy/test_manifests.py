"""The manifests under k8s/: valid, complete, and closed."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import kubernetes_validate
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

BASE, DEV = REPOSITORY / "k8s" / "base", REPOSITORY / "k8s" / "overlays" / "dev"
KUBERNETES = "1.34"
FAKE_SECRET = "x" * 60
URLS = {
    "DATABASE_URL": "postgresql://histoapp_app:x@postgres/histoapp",
    "DATABASE_OWNER_URL": "postgresql://histoapp_owner:x@postgres/histoapp",
    "REDIS_URL": "redis://:x@redis/0",
}

Manifest = dict[str, Any]


class Container(NamedTuple):
    """A container, the pod that it is in, and whose pod it is."""

    owner: str
    pod: Manifest
    spec: Manifest

    @property
    def runs_django(self) -> bool:
        return runs_django(self.spec["image"], self.spec.get("command", []))

    @property
    def image_environment(self) -> dict[str, str]:
        target = self.spec["image"].partition(":")[0].removeprefix("histoapp-")
        return stages()[target].environment


def read(path: Path) -> list[Manifest]:
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def kustomization(folder: Path) -> Manifest:
    return read(folder / "kustomization.yaml")[0]


def base() -> list[Manifest]:
    return [m for name in kustomization(BASE)["resources"] for m in read(BASE / name)]


def merged(old: Any, new: Any) -> Any:
    """A strategic merge, as far as the patches here need one: lists are replaced."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return new
    return old | {k: merged(old[k], v) if k in old else v for k, v in new.items()}


def dev() -> list[Manifest]:
    """The base with the patches of the overlay."""
    patches = [m for p in kustomization(DEV)["patches"] for m in read(DEV / p["path"])]
    manifests = {(m["kind"], m["metadata"]["name"]): m for m in base()}
    for patch in patches:
        key = (patch["kind"], patch["metadata"]["name"])
        assert key in manifests, key  # A patch of nothing.
        manifests[key] = merged(manifests[key], patch)
    return list(manifests.values())


def containers() -> Iterator[Container]:
    for manifest in base():
        pod = manifest.get("spec", {}).get("template", {}).get("spec")
        if pod is not None:
            for spec in [*pod.get("initContainers", []), *pod["containers"]]:
                yield Container(manifest["metadata"]["name"], pod, spec)


CONTAINERS = {f"{c.owner}/{c.spec['name']}": c for c in containers()}
DJANGO = sorted(name for name, c in CONTAINERS.items() if c.runs_django)
NAMED = sorted(CONTAINERS)


def config(manifests: list[Manifest]) -> dict[str, str]:
    found = next(m for m in manifests if m["kind"] == "ConfigMap")
    data: dict[str, str] = found["data"]
    return data


def secrets(container: Container) -> dict[str, str]:
    """Which key of the Secret each variable is taken from."""
    return {
        one["name"]: one["valueFrom"]["secretKeyRef"]["key"]
        for one in container.spec.get("env", [])
        if "valueFrom" in one
    }


def environment(container: Container, manifests: list[Manifest]) -> dict[str, str]:
    found = dict(container.image_environment)
    if container.spec.get("envFrom"):
        found |= config(manifests)
    found |= {n: URLS.get(k, FAKE_SECRET) for n, k in secrets(container).items()}
    plain = [one for one in container.spec.get("env", []) if "value" in one]
    return found | {one["name"]: one["value"] for one in plain}


# --- Valid ----------------------------------------------------------------------


@pytest.mark.parametrize("manifests", [base(), dev()], ids=["base", "dev"])
def test_every_manifest_fits_the_schema_of_kubernetes(
    manifests: list[Manifest],
) -> None:
    for manifest in manifests:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_the_base_has_one_file_a_workload_and_forgets_none() -> None:
    files = {path.name for path in BASE.glob("*.yaml")} - {"kustomization.yaml"}
    assert set(kustomization(BASE)["resources"]) == files
    for name in files:
        workloads = [m for m in read(BASE / name) if "template" in m.get("spec", {})]
        assert [m["metadata"]["name"] for m in workloads] in ([], [Path(name).stem])


def test_a_service_finds_the_pods_and_ports_it_names() -> None:
    manifests = base()
    labels = {
        m["metadata"]["name"]: m["spec"]["template"]["metadata"]["labels"]
        for m in manifests
        if m["kind"] == "Deployment"
    }
    for service in (m for m in manifests if m["kind"] == "Service"):
        name = service["metadata"]["name"]
        assert service["spec"]["selector"].items() <= labels[name].items()
        there = {p["name"] for p in CONTAINERS[f"{name}/{name}"].spec["ports"]}
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= there


def test_every_claim_that_is_mounted_is_made() -> None:
    made = {m["metadata"]["name"] for m in base() if "accessModes" in m.get("spec", {})}
    for container in CONTAINERS.values():
        volumes = {volume["name"]: volume for volume in container.pod["volumes"]}
        for mount in container.spec["volumeMounts"]:
            claim = volumes[mount["name"]].get("persistentVolumeClaim")
            assert claim is None or claim["claimName"] in made


def test_the_overlay_renders(tmp_path: Path) -> None:
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        pytest.skip("no kubectl here: the overlay is merged by the tests' own rules")
    shutil.copytree(REPOSITORY / "k8s", tmp_path / "k8s")
    folder = tmp_path / "k8s" / "overlays" / "dev"
    (folder / "secret.env").write_text(f"SECRET_KEY={FAKE_SECRET}\n")
    rendered = subprocess.run(
        [kubectl, "kustomize", folder], capture_output=True, text=True, check=True
    ).stdout
    for manifest in yaml.safe_load_all(rendered):
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


# --- Complete -------------------------------------------------------------------


@pytest.mark.parametrize("name", DJANGO)
def test_a_container_gets_every_variable_that_the_settings_demand(name: str) -> None:
    given = environment(CONTAINERS[name], base())
    assert required_variables() - set(given) == set()


@pytest.mark.parametrize("name", ["web/web", "migrate/migrate"])
@pytest.mark.parametrize("manifests", [base(), dev()], ids=["base", "dev"])
def test_the_settings_load_with_what_a_container_gets(
    name: str, manifests: list[Manifest]
) -> None:
    load_settings(environment(CONTAINERS[name], manifests))


def test_no_container_of_ours_is_given_a_variable_that_nobody_reads() -> None:
    assert set(config(base())) | set(config(dev())) <= known_variables()
    for name in DJANGO:
        given = {one["name"] for one in CONTAINERS[name].spec["env"]}
        assert given <= known_variables()


def test_only_the_migration_works_as_the_owner_of_the_tables() -> None:
    owners = [
        n for n in NAMED if "DATABASE_OWNER_URL" in secrets(CONTAINERS[n]).values()
    ]
    assert owners == ["migrate/migrate"]


def test_web_worker_and_dispatcher_see_the_same_files() -> None:
    for name in ("web", "worker", "dispatcher"):
        container = CONTAINERS[f"{name}/{name}"]
        mounts = {m["name"]: m["mountPath"] for m in container.spec["volumeMounts"]}
        assert mounts["files"] == container.image_environment["STORAGE_ROOT"]


def test_probes_of_the_web_ask_as_a_host_that_is_answered() -> None:
    web = CONTAINERS["web/web"].spec
    for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = web[kind]["httpGet"]
        hosts = {h["value"] for h in asked["httpHeaders"] if h["name"] == "Host"}
        for manifests in (base(), dev()):
            assert hosts <= set(config(manifests)["ALLOWED_HOSTS"].split(","))
        assert asked["path"].startswith("/health/")  # Over plain HTTP, no redirect.


def test_whatever_stays_up_is_probed() -> None:
    for manifest in base():
        if manifest["kind"] == "Deployment":
            name = manifest["metadata"]["name"]
            assert "livenessProbe" in CONTAINERS[f"{name}/{name}"].spec


def test_new_code_waits_for_its_tables() -> None:
    for name in ("web", "worker", "dispatcher"):
        command = CONTAINERS[f"{name}/migrated"].spec["command"]
        assert command == ["python", "manage.py", "migrate", "--check"]


# --- Closed ---------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMED)
def test_a_container_is_restricted(name: str) -> None:
    container = CONTAINERS[name]
    whole, own = container.pod["securityContext"], container.spec["securityContext"]
    assert whole["runAsNonRoot"] is True
    assert whole["runAsUser"] > 0
    assert whole["seccompProfile"] == {"type": "RuntimeDefault"}
    assert own["allowPrivilegeEscalation"] is False
    assert own["readOnlyRootFilesystem"] is True
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert container.pod["automountServiceAccountToken"] is False
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(container.pod)


@pytest.mark.parametrize("name", NAMED)
def test_a_container_is_limited_and_its_image_pinned(name: str) -> None:
    spec = CONTAINERS[name].spec
    for kind in ("requests", "limits"):
        assert set(spec["resources"][kind]) == {"cpu", "memory"}
    assert is_pinned(spec["image"])
    if spec["image"].startswith("histoapp-"):
        assert spec["image"].endswith(f":{version()}")


def test_the_cluster_is_told_to_refuse_more() -> None:
    namespace = next(m for m in base() if m["kind"] == "Namespace")
    labels = namespace["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_no_secret_stands_in_a_manifest_and_the_docs_name_every_key() -> None:
    assert not [m for m in dev() if m["kind"] == "Secret"]
    ignored = (REPOSITORY / ".gitignore").read_text().split()
    assert "/k8s/overlays/dev/secret.env" in ignored
    assert "/.env" in ignored
    words = (REPOSITORY / "docs" / "deploy.md").read_text()
    for container in CONTAINERS.values():
        for name, key in secrets(container).items():
            assert f"{key}=" in words, name


def test_nothing_is_reached_from_outside_but_through_an_ingress() -> None:
    for service in (m for m in base() if m["kind"] == "Service"):
        assert service["spec"].get("type", "ClusterIP") == "ClusterIP"
        assert "externalIPs" not in service["spec"]
