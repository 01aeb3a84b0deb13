"""Kubernetes Events, each in the form in which its component writes it.

Older recorders (kubelet, controllers) write core/v1 and raise ``count`` by PATCH
(client-go ``tools/record``); the scheduler writes events.k8s.io/v1 with null legacy
timestamps and a ``series`` (client-go ``tools/events``).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from random import Random
from typing import Any

SCHEDULER = "default-scheduler"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedWrite:
    """A call to the API server: a new Kubernetes Event, or one that repeats.

    Attributes:
        creates: Whether the Event is new; else `body` is merged into it (RFC 7386).
        api_version: The form of `body`: ``v1`` or ``events.k8s.io/v1``.
        namespace: Where the Event lies.
        name: Its own.
        body: The object, or the part of it that changes.
        what: For people: reason, object and count.
        warning: Whether the Event is of type Warning.
    """

    creates: bool
    api_version: str
    namespace: str
    name: str
    body: dict[str, Any]
    what: str
    warning: bool


@dataclass(frozen=True, slots=True)
class Line:
    """The message of a component about a pod, or about its node."""

    reason: str
    text: str
    component: str = "kubelet"
    warning: bool = False
    about_node: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Involved:
    """The object that an Event is about; `namespace` is empty for nodes."""

    kind: str
    name: str
    uid: str
    namespace: str
    api_version: str = "v1"


def utc_now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


class WriteRecorder:
    """Writes Events as the components of a cluster do."""

    def __init__(
        self, *, random: Random, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Take what decides names (`random`) and the times that Events carry."""
        self._random = random
        self._now = now

    def say(self, involved: Involved, line: Line) -> RecordedWrite:
        """Return a new Event."""
        is_new_form = line.component == SCHEDULER
        version = "events.k8s.io/v1" if is_new_form else "v1"
        namespace = involved.namespace or "default"
        name = f"{involved.name}.{self._random.getrandbits(64):016x}"
        body = {
            "kind": "Event",
            "apiVersion": version,
            "metadata": {"name": name, "namespace": namespace},
            "type": "Warning" if line.warning else "Normal",
            "reason": line.reason,
            **(self._new if is_new_form else self._legacy)(involved, line),
        }
        return RecordedWrite(
            creates=True,
            api_version=version,
            namespace=namespace,
            name=name,
            body=body,
            what=f"{line.reason} {involved.kind.lower()}/{involved.name}",
            warning=line.warning,
        )

    def repeat(self, write: RecordedWrite, count: int) -> RecordedWrite:
        """Return the PATCH by which an Event says that it came about `count` times."""
        part: dict[str, Any] = {"count": count, "lastTimestamp": self._seconds()}
        if "regarding" in write.body:
            at = self._microseconds()
            part = {"series": {"count": count, "lastObservedTime": at}}
        what = f"{write.what} (x{count})"
        return replace(write, creates=False, body=part, what=what)

    def _legacy(self, involved: Involved, line: Line) -> dict[str, Any]:
        at = self._seconds()
        return {
            "involvedObject": _reference(involved),
            "message": line.text,
            "source": {"component": line.component},
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
            "reportingComponent": line.component,
        }

    def _new(self, involved: Involved, line: Line) -> dict[str, Any]:
        return {
            "regarding": _reference(involved),
            "note": line.text,
            "eventTime": self._microseconds(),
            "action": "Scheduling" if line.warning else "Binding",
            "reportingController": line.component,
            "reportingInstance": f"{line.component}-control-plane",
        }

    def _seconds(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _microseconds(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _reference(involved: Involved) -> dict[str, str]:
    reference = {
        "apiVersion": involved.api_version,
        "kind": involved.kind,
        "name": involved.name,
        "uid": involved.uid,
    }
    namespace = {"namespace": involved.namespace} if involved.namespace else {}
    return reference | namespace
