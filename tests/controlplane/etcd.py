"""etcd: the truth below the API server.

It is asked through its JSON gateway (etcd documentation, "gRPC gateway"): byte strings
are base64, 64-bit integers are strings. So envtest's binaries, which have no etcdctl,
will do.
"""

import base64
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.controlplane.process import ControlPlaneError, Server
from tests.ports import free_port

EVENTS = "/registry/events/"
_EVERY_KEY = base64.b64encode(b"\0").decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One revision of one key; `revision` is the object's resourceVersion.

    Attributes:
        key: `/registry/events/<namespace>/<name>` for an Event.
        is_delete: whether the key went away, by a call or by its lease.
    """

    key: str
    revision: int
    is_delete: bool


class Etcd:
    """A single etcd server with its data in a folder."""

    def __init__(
        self, *, binary: Path, folder: Path, unsafe_no_fsync: bool = True
    ) -> None:
        """Choose free ports; nothing runs yet."""
        client, peer = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
        self.url = client
        self._data = folder / "etcd"
        command = [str(binary), f"--data-dir={self._data}", "--name=default"]
        command += [f"--listen-client-urls={client}"]
        command += [f"--advertise-client-urls={client}"]
        command += [f"--listen-peer-urls={peer}"]
        command += [f"--initial-advertise-peer-urls={peer}"]
        command += [f"--initial-cluster=default={peer}"]
        if unsafe_no_fsync:
            command.append("--unsafe-no-fsync")
        self.server = Server(name="etcd", command=command, log=folder / "etcd.log")

    def start(self) -> None:
        """Start it, on the data that is there."""
        self.server.start(self._is_healthy)

    def stop(self) -> None:
        """End it; safe to repeat."""
        self.server.stop()

    def current_revision(self) -> int:
        """Return the revision of the latest write to any key."""
        answer = self._call("kv/range", {"key": _EVERY_KEY, "count_only": True})
        return int(answer["header"]["revision"])

    def compact(self, revision: int | None = None) -> int:
        """Forget each revision before this one (`None`: the current one); return it."""
        if revision is None:
            revision = self.current_revision()
        self._call("kv/compaction", {"revision": str(revision), "physical": True})
        return revision

    def writes(self, *, since: int, prefix: str = EVENTS) -> list[Write]:
        """Return each write from revision `since` to the current one, in order.

        Raises:
            ControlPlaneError: part of that is compacted away.
        """
        current = self.current_revision()
        if since > current:
            return []
        found = self._history(since, current)
        return [write for write in found if write.key.startswith(prefix)]

    def snapshot(self) -> Path:
        """Copy the data as they are now, whatever goes on; return the copy.

        The process stands still meanwhile: the copy is what a kill -9 would leave, and
        etcd starts on that by design.
        """
        process = self.server.process
        if process is None:
            raise ControlPlaneError("etcd: expected running for a snapshot, is stopped")
        process.send_signal(signal.SIGSTOP)
        try:
            os.waitpid(process.pid, os.WUNTRACED)
            copy = Path(tempfile.mkdtemp(prefix="snapshot-", dir=self._data.parent))
            return shutil.copytree(self._data, copy, dirs_exist_ok=True)
        finally:
            process.send_signal(signal.SIGCONT)

    def restore(self, snapshot: Path) -> None:
        """Go back to a snapshot: revisions after it will be given out again."""
        self.stop()
        shutil.rmtree(self._data)
        shutil.copytree(snapshot, self._data)
        self.start()

    def _is_healthy(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health", trust_env=False).is_success
        except httpx.TransportError:
            return False

    def _call(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        answer = httpx.post(
            f"{self.url}/v3/{method}", json=request, trust_env=False, timeout=60
        )
        if not answer.is_success:
            raise ControlPlaneError(
                f"etcd: {method}: expected 200, got {answer.status_code}: {answer.text}"
            )
        result: dict[str, Any] = answer.json()
        return result

    def _history(self, since: int, until: int) -> Iterator[Write]:
        # The current revision is a write to some key; so a watch of every key meets
        # it, and ends there without waiting for anything.
        request = {"key": _EVERY_KEY, "range_end": _EVERY_KEY, "start_revision": since}
        for result in self._watch({"create_request": request}):
            if result.get("canceled"):
                raise ControlPlaneError(f"etcd: no watch from {since}: {result}")
            writes = [_write(event) for event in result.get("events", ())]
            yield from (write for write in writes if write.revision <= until)
            if writes and writes[-1].revision >= until:
                return

    def _watch(self, request: dict[str, Any]) -> Iterator[dict[str, Any]]:
        url = f"{self.url}/v3/watch"
        with (
            httpx.Client(trust_env=False, timeout=60) as client,
            client.stream("POST", url, json=request) as answer,
        ):
            for line in answer.iter_lines():
                yield json.loads(line)["result"]


def _write(event: dict[str, Any]) -> Write:
    stored = event["kv"]
    return Write(
        key=base64.b64decode(stored["key"]).decode(),
        revision=int(stored["mod_revision"]),
        is_delete=event.get("type") == "DELETE",
    )
