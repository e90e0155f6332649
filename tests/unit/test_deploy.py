"""The service kit of deploy/: its files are valid, and what they name exists in the hub."""

import configparser
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from app.config import described

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
MANIFESTS: list[dict[str, Any]] = [
    document for path in FILES if path.parent.name == "kubernetes" for document in yaml.safe_load_all(path.read_text())
]
SLOWEST_STOP_S = 25  # graceful_timeout and shutdown_timeout of hypercorn.toml.
UNIT = DEPLOY / "systemd/tidewire@.service"


def named(kind: str, name: str = "tidewire") -> Any:
    """The one manifest of that kind and name."""
    (found,) = [each for each in MANIFESTS if (each["kind"], each["metadata"]["name"]) == (kind, name)]
    return found["spec"]


@pytest.mark.parametrize("manifest", MANIFESTS, ids=lambda each: f"{each['kind']} {each['metadata']['name']}")
def test_a_manifest_is_what_kubernetes_accepts(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.31", strict=True)


def test_a_field_that_kubernetes_does_not_know_is_refused() -> None:
    manifest = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"port": 80}}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(manifest, "1.31", strict=True)


def test_the_manifests_select_one_another() -> None:
    labels = named("Deployment")["template"]["metadata"]["labels"]
    paths = {each["path"]: each["backend"]["service"]["name"] for each in named("Ingress")["rules"][0]["http"]["paths"]}

    assert named("Service")["selector"] == labels == named("PodDisruptionBudget")["selector"]["matchLabels"]
    assert named("NetworkPolicy")["podSelector"]["matchLabels"] == labels
    assert named("Service", "tidewire-private")["selector"] != labels
    assert paths == {"/": "tidewire", "/metrics": "tidewire-private", "/readyz": "tidewire-private"}


def test_a_pod_has_the_time_to_end() -> None:
    pod = named("Deployment")["template"]["spec"]
    pause = int(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])

    assert pod["terminationGracePeriodSeconds"] > pause + SLOWEST_STOP_S


def test_the_unit_is_hardened_and_has_the_time_to_end() -> None:
    unit = configparser.ConfigParser(interpolation=None)
    unit.read_string(UNIT.read_text())
    service = unit["Service"]

    assert (service["ProtectSystem"], service["NoNewPrivileges"], service["User"]) == ("strict", "yes", "tidewire")
    assert int(service["TimeoutStopSec"]) > SLOWEST_STOP_S
    assert int(service["LimitNOFILE"]) >= 65536


def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path) -> None:
    copy = tmp_path / "tidewire@8000.service"
    copy.write_text(UNIT.read_text().replace("/opt/tidewire/venv/bin/tidewire", "/bin/true"))
    if verify := shutil.which("systemd-analyze"):
        found = subprocess.run([verify, "verify", "--man=no", copy], capture_output=True, text=True, timeout=30)

        assert [line for line in found.stderr.splitlines() if copy.name in line] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_names_a_setting_that_does_not_exist(path: Path) -> None:
    known = {name for name, _, _ in described()}

    assert set(re.findall(r"TIDEWIRE_[A-Z_]*[A-Z]", path.read_text())) - known == set()
