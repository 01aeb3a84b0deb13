"""What was really written, told by etcd itself.

`etcdctl watch --prefix /registry/... --rev=N` in Python: etcd's JSON gateway gives the
same and needs no etcdctl. A key's mod_revision is the object's resourceVersion.
"""

import base64
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from tests.controlplane.etcd import Etcd
from tests.controlplane.process import ControlPlaneError

_EVERY_KEY = base64.b64encode(b"\0").decode()
_UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PROTOBUF = b"k8s\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One write of one object.

    Attributes:
        key: `/registry/<resource>/[<namespace>/]<name>`, custom resources
            `/registry/<group>/<plural>/...`.
        version: The resourceVersion; of a deletion that of the deletion.
        change: What happened to the object.
        uid: Of the object that was written or deleted.
    """

    key: str
    version: int
    change: Literal["added", "modified", "deleted"]
    uid: str

    @property
    def id(self) -> str:
        """The id of its CloudEvent where a watch brings it."""
        deleted = "-deleted" if self.change == "deleted" else ""
        return f"{self.uid}-{self.version}{deleted}"


class Truth:
    """Keeps every write from its making on; compaction goes through it.

    Attributes:
        revisions: All writes so far, in order; `catch_up` adds the latest.
        compactions: Each revision that history was cut at.
    """

    def __init__(self, etcd: Etcd) -> None:
        """Begin after the current revision."""
        self.revisions: list[Revision] = []
        self.compactions: list[int] = []
        self._etcd = etcd
        self._seen = etcd.current_revision()

    def of(self, *prefixes: str) -> list[Revision]:
        """Return the writes under key prefixes, in order."""
        return [one for one in self.revisions if one.key.startswith(prefixes)]

    def catch_up(self) -> int:
        """Read all that was written by now; return the latest revision."""
        current = self._etcd.current_revision()
        if current > self._seen:
            self.revisions.extend(self._read(self._seen + 1, current))
            self._seen = current
        return current

    def compact(self) -> int:
        """Let etcd forget all but the current state; return the revision."""
        revision = self.catch_up()
        self._etcd.compact(revision)
        self.compactions.append(revision)
        return revision

    def _read(self, since: int, until: int) -> Iterator[Revision]:
        request = {
            "key": _EVERY_KEY,
            "range_end": _EVERY_KEY,
            "start_revision": since,
            "prev_kv": True,
        }
        # Every revision is a write to some key, so that the watch ends without a wait.
        for result in self._etcd._watch({"create_request": request}):
            if result.get("canceled"):
                raise ControlPlaneError(f"etcd: no watch from {since}: {result}")
            writes = [*map(_revision, result.get("events", ()))]
            yield from (write for write in writes if write.version <= until)
            if writes and writes[-1].version >= until:
                return


def _revision(event: dict[str, Any]) -> Revision:
    stored = event["kv"]
    is_deleted = event.get("type") == "DELETE"
    # Only the revision before it has the value of what was deleted.
    value = (event.get("prev_kv", {}) if is_deleted else stored).get("value", "")
    is_new = stored.get("create_revision") == stored["mod_revision"]
    return Revision(
        key=base64.b64decode(stored["key"]).decode(),
        version=int(stored["mod_revision"]),
        change="deleted" if is_deleted else "added" if is_new else "modified",
        uid=_uid(base64.b64decode(value)),
    )


def _uid(value: bytes) -> str:
    """Return the uid of a stored object; empty: it has none.

    In protobuf `ObjectMeta` has its uid before all that could hold another one (field
    5; owner references are 13); only a name that looks like one would deceive.
    Definitions and custom resources are JSON.
    """
    if value.startswith(_PROTOBUF):
        found = _UUID.search(value)
        return found[0].decode() if found else ""
    try:
        return str(json.loads(value)["metadata"]["uid"])
    except (ValueError, KeyError, TypeError):
        return ""
