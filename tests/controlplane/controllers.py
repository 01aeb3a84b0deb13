"""What brings a cluster to life: controllers, scheduler and simulated nodes."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.controlplane.apiserver import ApiServer
from tests.controlplane.process import ControlPlaneError, Server, wait_until

CONTROLLERS = ("kube-controller-manager", "kube-scheduler", "kwok")
_SIZE = {"cpu": "32", "memory": "256Gi", "pods": "110"}


class Controllers:
    """kube-controller-manager, kube-scheduler, and kwok in the place of kubelets."""

    def __init__(
        self,
        *,
        folder: Path,
        binaries: Mapping[str, Path],
        apiserver: ApiServer,
        nodes: int,
    ) -> None:
        """Compose the commands; nothing runs yet."""
        self._apiserver = apiserver
        self._nodes = [f"node-{number}" for number in range(nodes)]
        self._kubeconfig = folder / "controllers.kubeconfig"
        self.servers = [
            Server(
                name=name,
                command=[str(binaries[name]), *flags],
                log=folder / f"{name}.log",
                environment={"KWOK_WORKDIR": str(folder)},  # not ~/.kwok
            )
            for name, flags in self._flags()
        ]

    def start(self) -> None:
        """Start them, add the nodes and wait until Pods can run.

        Raises:
            ControlPlaneError: one ended, or Pods cannot run after 120 s.
        """
        self._apiserver.kubeconfig(path=self._kubeconfig)
        for server in self.servers:
            server.start(lambda: True)
        known = {node["metadata"]["name"] for node in self._read("nodes")["items"]}
        for name in self._nodes:
            if name not in known:
                self._apiserver.request("POST", "/api/v1/nodes", _node(name))
        try:
            wait_until(self._can_run_pods, seconds=120)
        except TimeoutError as error:
            tails = "\n".join(server.log_tail(5) for server in self.servers)
            raise ControlPlaneError(f"nodes ready: {error}\n{tails}") from None

    def stop(self) -> None:
        """End them; safe to repeat."""
        for server in self.servers:
            server.stop()

    def _read(self, path: str) -> Any:
        return self._apiserver.request("GET", f"/api/v1/{path}")

    def _can_run_pods(self) -> bool:
        for server in self.servers:
            server.must_run()
        nodes = self._read("nodes")["items"]
        return all(_is_ready(node) for node in nodes) and self._has_service_account()

    def _has_service_account(self) -> bool:
        try:
            self._read("namespaces/default/serviceaccounts/default")
        except httpx.HTTPStatusError:
            return False
        return True

    def _flags(self) -> Iterator[tuple[str, list[str]]]:
        config = f"--kubeconfig={self._kubeconfig}"
        kubernetes = [
            config,
            f"--authentication-kubeconfig={self._kubeconfig}",
            f"--authorization-kubeconfig={self._kubeconfig}",
            "--leader-elect=false",
            "--secure-port=0",
        ]
        signing = [
            f"--service-account-private-key-file={self._apiserver.signing_key}",
            f"--root-ca-file={self._apiserver.certificate_authority}",
        ]
        yield "kube-controller-manager", [*kubernetes, *signing]
        yield "kube-scheduler", kubernetes
        yield "kwok", [config, "--manage-all-nodes=true", "--server-address="]


def _node(name: str) -> dict[str, Any]:
    labels = {"kubernetes.io/hostname": name, "type": "kwok"}
    return {
        "metadata": {"name": name, "labels": labels},
        "status": {"allocatable": _SIZE, "capacity": _SIZE},
    }


def _is_ready(node: dict[str, Any]) -> bool:
    conditions = node["status"].get("conditions", ())
    is_tainted = bool(node["spec"].get("taints"))
    return not is_tainted and any(
        each["type"] == "Ready" and each["status"] == "True" for each in conditions
    )
