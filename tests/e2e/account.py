"""A service account with nothing but what is printed for its configuration."""

import asyncio
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml

from bridge.config import parse_config
from bridge.config.parts import diagnose_config
from tests.controlplane.access import write_kubeconfig
from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import wait_until

Manifest = dict[str, Any]

REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
ROLES = "/apis/rbac.authorization.k8s.io/v1"


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def wait_until_heard(plane: ControlPlane, token: str) -> None:
    """Wait until the API server has made the roles that every user has: a second."""
    attributes = {"verb": "list", "resource": "events"}
    review = {"spec": {"resourceAttributes": attributes}}

    def is_heard() -> bool:
        try:
            plane.apiserver.request("POST", REVIEWS, review, token=token)
            plane.apiserver.request("GET", "/api/v1", token=token)
        except httpx.HTTPStatusError:
            return False
        return True

    wait_until(is_heard)


class Account:
    """A service account with nothing but what is printed for its configuration."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        """Create it, and write its kubeconfig and a configuration that uses it."""
        self.plane, self.namespace = plane, namespace
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        plane.apiserver.request("POST", accounts, {"metadata": {"name": "reader"}})
        token = plane.apiserver.service_account_token(namespace, "reader")
        wait_until_heard(plane, token)
        self.kubeconfig = folder / "reader.kubeconfig"
        write_kubeconfig(
            self.kubeconfig,
            url=plane.apiserver.url,
            certificate_authority=plane.apiserver.certificate_authority,
            user="reader",
            token=token,
        )
        self.path = folder / "doctor.yaml"
        self.made: list[str] = []
        self.sources: list[Manifest] = []

    def configure(self, sources: Sequence[Manifest]) -> None:
        """Write the configuration."""
        self.sources = list(sources)
        document = {
            "cluster": {"kubeconfig": str(self.kubeconfig)},
            "sources": self.sources,
            "sinks": [{"name": "hook", "type": "stdout"}],
        }
        self.path.write_text(yaml.safe_dump(document))

    def print_roles(self) -> list[Manifest]:
        """Return what `kubebridge rbac` prints for it."""
        account = ("--namespace", self.namespace, "--service-account", "reader")
        name = ("--name", self.namespace)
        printed = run("rbac", "-c", str(self.path), *name, *account)
        assert printed.returncode == 0, printed.stderr
        return list(yaml.safe_load_all(printed.stdout))

    def apply(self, manifests: Sequence[Manifest]) -> None:
        """Create or replace roles and bindings."""
        for one in manifests:
            path = self._collection(one)
            name = f"{path}/{one['metadata']['name']}"
            self.made.append(name)
            exists = name in self.made[:-1]
            method, where = ("PUT", name) if exists else ("POST", path)
            self.plane.apiserver.request(method, where, one)

    def remove(self) -> None:
        """Delete what was made for the whole cluster."""
        for name in set(self.made):
            self.plane.apiserver.request("DELETE", name)

    def diagnose(self) -> list[str]:
        """Return what the doctor finds wrong."""
        config = parse_config(self.path.read_text(), name="test", env={})
        answer = asyncio.run(
            diagnose_config(config, cursors=None, now=datetime.now(UTC))
        )
        return list(answer["problems"])

    def _collection(self, manifest: Manifest) -> str:
        namespace = manifest["metadata"].get("namespace")
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{ROLES}{inside}/{manifest['kind'].lower()}s"
