"""A whole control plane: etcd, kube-apiserver and, with nodes, its controllers.

Run as `python -m tests.controlplane.cluster`, or `make cluster`, it stays in the
foreground until Ctrl-C. Tests get it from `fixtures`. All its calls block: async code
hands them to `asyncio.to_thread`.
"""

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.controlplane.access import User
from tests.controlplane.apiserver import ApiServer
from tests.controlplane.build import (
    KUBERNETES,
    binary_folder,
    cache_folder,
    find_binaries,
    find_kubectl,
)
from tests.controlplane.controllers import CONTROLLERS, Controllers
from tests.controlplane.etcd import Etcd
from tests.controlplane.process import ControlPlaneError, Server


class ControlPlane:
    """A control plane on loopback; `with` starts it and stops it.

    Attributes:
        etcd: the store: revisions, compaction, the truth about Events.
        apiserver: how to call it, users, kubeconfigs, restarts.
        controllers: `None` without nodes.
        folder: data, certificates, kubeconfigs and logs.
    """

    def __init__(
        self,
        *,
        folder: Path,
        binaries: Mapping[str, Path],
        nodes: int = 0,
        users: Sequence[User] = (),
        event_ttl: str = "1h",
        compaction_interval: str = "0s",
        unsafe_no_fsync: bool = True,
        apiserver_flags: Sequence[str] = (),
    ) -> None:
        """Choose ports and write the tokens; nothing runs yet.

        Args:
            folder: must exist.
            binaries: what `find_binaries()` found.
            nodes: how many nodes are simulated; 0 runs no controllers either.
            users: users with tokens besides the admin.
            event_ttl: how long Events are retained, as a Go duration.
            compaction_interval: of etcd's history, as a Go duration; 0s is never.
            unsafe_no_fsync: let etcd lose writes when the machine goes down.
            apiserver_flags: come last and win.
        """
        self.folder = folder
        self.etcd = Etcd(
            binary=binaries["etcd"], folder=folder, unsafe_no_fsync=unsafe_no_fsync
        )
        flags = [
            f"--etcd-servers={self.etcd.url}",
            f"--event-ttl={event_ttl}",
            f"--etcd-compaction-interval={compaction_interval}",
        ]
        if not nodes:
            # Nobody makes the ServiceAccounts that it would ask Pods to have.
            flags.append("--disable-admission-plugins=ServiceAccount")
        self.apiserver = ApiServer(
            folder=folder,
            binaries=binaries,
            flags=[*flags, *apiserver_flags],
            users=users,
        )
        self.controllers = (
            Controllers(
                folder=folder, binaries=binaries, apiserver=self.apiserver, nodes=nodes
            )
            if nodes
            else None
        )

    def __enter__(self) -> Self:
        """Start everything; what was started is stopped when that fails."""
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        """Stop everything."""
        self.stop()

    def start(self) -> None:
        """Start etcd, the API server and, with nodes, the controllers."""
        self.etcd.start()
        self.apiserver.start()
        if self.controllers:
            self.controllers.start()

    def stop(self) -> None:
        """Stop everything, the last started first; safe to repeat."""
        if self.controllers:
            self.controllers.stop()
        self.apiserver.stop()
        self.etcd.stop()

    def restore(self, snapshot: Path) -> None:
        """Roll the cluster back to what `etcd.snapshot()` gave, as from a backup."""
        self.apiserver.stop()
        self.etcd.restore(snapshot)
        self.apiserver.start()

    def servers(self) -> list[Server]:
        """Return each process of the control plane."""
        servers = self.controllers.servers if self.controllers else []
        return [self.etcd.server, self.apiserver.server, *servers]


def main() -> int:
    """Run a control plane until Ctrl-C or SIGTERM; 1 when a part of it ended."""
    options = _options()
    binaries, nodes = _found(options.nodes)
    if isinstance(binaries, str):
        _say(binaries)
        return 2
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="kubebridge-cluster-") as folder:
        plane = ControlPlane(
            folder=Path(folder),
            binaries=binaries,
            nodes=nodes,
            compaction_interval="5m",
        )
        try:
            _run(plane, options.kubeconfig)
        except KeyboardInterrupt:
            _say("Stopped.")
        except ControlPlaneError as error:
            _say(str(error))
            return 1
        finally:
            options.kubeconfig.unlink(missing_ok=True)
    return 0


def _found(nodes: int) -> tuple[dict[str, Path] | str, int]:
    """Return the binaries and how many nodes they can simulate.

    A folder of envtest holds no controllers: an API server alone is better than none.
    """
    binaries = find_binaries(*(CONTROLLERS if nodes else ()))
    alone = find_binaries()
    if isinstance(binaries, str) and not isinstance(alone, str):
        _say(f"No nodes: {binaries}")
        return alone, 0
    return binaries, nodes


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tests.controlplane.cluster",
        description="Run a real control plane with simulated nodes, until Ctrl-C.",
    )
    parser.add_argument("--nodes", type=int, default=3, help="default: 3")
    kubeconfig = cache_folder() / "cluster" / "kubeconfig"
    parser.add_argument(
        "--kubeconfig",
        type=Path,
        default=kubeconfig,
        help=f"where to write one; default: {kubeconfig}",
    )
    return parser.parse_args()


def _run(plane: ControlPlane, kubeconfig: Path) -> None:
    _say(f"Starting Kubernetes {KUBERNETES} ...")
    started = time.monotonic()
    with plane:
        plane.apiserver.kubeconfig(path=kubeconfig)
        seconds = time.monotonic() - started
        _say(f"Up after {seconds:.0f} s: {plane.apiserver.url}, logs in {plane.folder}")
        _say("Try, in another terminal:\n")
        for line in _things_to_try(plane, kubeconfig):
            _say(f"  {line}")
        _say("Ctrl-C stops everything and removes it.")
        while True:
            for server in plane.servers():
                server.must_run()
            time.sleep(1)


def _things_to_try(plane: ControlPlane, kubeconfig: Path) -> list[str]:
    """Return commands for another terminal."""
    config = plane.folder / "bridge.yaml"
    config.write_text(
        f"cluster: {{name: play, kubeconfig: {kubeconfig}}}\n"
        "sinks: [{name: out, type: stdout}]\n"
        f"queue: {{path: {plane.folder}/queue.db}}\n"
    )
    folder = (find_kubectl() or binary_folder() / "kubectl").parent
    return [
        f"{Path(sys.executable).with_name('kubebridge')} run -c {config}",
        f"export KUBECONFIG={kubeconfig} PATH={folder}:$PATH",
        "kubectl create deployment web --image=nginx --replicas=3",
        "kubectl get events --watch\n",
    ]


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
