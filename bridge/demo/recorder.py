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


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """One call to the API server: a new Kubernetes Event, or one that repeats.

    Attributes:
        creates: Whether the Event is new; else `body` is merged into it (RFC 7396).
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Involved:
    """The object that an Event is about; `namespace` is empty for nodes."""

    kind: str
    name: str
    uid: str
    namespace: str
    api_version: str = "v1"

    @property
    def reference(self) -> dict[str, str]:
        """The object as Events refer to it."""
        reference = {"kind": self.kind, "name": self.name, "uid": self.uid}
        if self.namespace:
            reference["namespace"] = self.namespace
        return {**reference, "apiVersion": self.api_version}


def utc_now() -> datetime:
    """Return the present."""
    return datetime.now(UTC)


class Recorder:
    """Writes Events as the components of a cluster do."""

    def __init__(
        self, *, random: Random, now: Callable[[], datetime] = utc_now
    ) -> None:
        """Take what decides names (`random`) and the times that Events carry."""
        self._random = random
        self._now = now

    def normal(
        self, involved: Involved, reason: str, text: str, component: str = "kubelet"
    ) -> Write:
        """Return a new core/v1 Event of type Normal."""
        return self._legacy(involved, reason, text, component, warning=False)

    def warning(
        self, involved: Involved, reason: str, text: str, component: str = "kubelet"
    ) -> Write:
        """Return a new core/v1 Event of type Warning."""
        return self._legacy(involved, reason, text, component, warning=True)

    def scheduling(
        self, involved: Involved, reason: str, text: str, *, warning: bool
    ) -> Write:
        """Return a new events.k8s.io/v1 Event of the scheduler."""
        parts = {
            "regarding": involved.reference,
            "note": text,
            "eventTime": self._microseconds(),
            "action": "Scheduling" if warning else "Binding",
            "reportingController": "default-scheduler",
            "reportingInstance": "default-scheduler-control-plane",
        }
        version = "events.k8s.io/v1"
        return self._create(version, involved, reason, parts, warning=warning)

    def repeat(self, write: Write, count: int) -> Write:
        """Return the PATCH by which an Event says that it came about `count` times."""
        part: dict[str, Any]
        if "regarding" in write.body:
            at = self._microseconds()
            part = {"series": {"count": count, "lastObservedTime": at}}
        else:
            part = {"count": count, "lastTimestamp": self._seconds()}
        what = f"{write.what} (x{count})"
        return replace(write, creates=False, body=part, what=what)

    def _legacy(
        self,
        involved: Involved,
        reason: str,
        text: str,
        component: str,
        *,
        warning: bool,
    ) -> Write:
        at = self._seconds()
        parts = {
            "involvedObject": involved.reference,
            "message": text,
            "source": {"component": component},
            "firstTimestamp": at,
            "lastTimestamp": at,
            "count": 1,
            "reportingComponent": component,
        }
        return self._create("v1", involved, reason, parts, warning=warning)

    def _create(
        self,
        version: str,
        involved: Involved,
        reason: str,
        parts: dict[str, Any],
        *,
        warning: bool,
    ) -> Write:
        namespace = involved.namespace or "default"
        name = f"{involved.name}.{self._random.getrandbits(64):016x}"
        body = {
            "kind": "Event",
            "apiVersion": version,
            "metadata": {"name": name, "namespace": namespace},
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            **parts,
        }
        return Write(
            creates=True,
            api_version=version,
            namespace=namespace,
            name=name,
            body=body,
            what=f"{reason} {involved.kind.lower()}/{involved.name}",
            warning=warning,
        )

    def _seconds(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _microseconds(self) -> str:
        return self._now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
