"""Events for the tests of formats, converted as the bridge converts them."""

from typing import Any

import msgspec
from yarl import URL

from bridge.events import CloudEvent, EncodedEvent
from bridge.events.encode import encode
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.transports import Response

URL_OF_SINK = URL("https://receiver.example/base?key=1")

BACK_OFF = {
    "apiVersion": "v1",
    "kind": "Event",
    "metadata": {"name": "web-0.17", "namespace": "shop", "uid": "e-1"},
    "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web-0"},
    "type": "Warning",
    "reason": "BackOff",
    "message": "Back-off restarting failed container <web> & *more*",
    "count": 7,
    "firstTimestamp": "2026-11-30T10:00:00Z",
    "lastTimestamp": "2026-11-30T10:05:00Z",
    "source": {"component": "kubelet", "host": "node-1"},
}


def sample(
    number: int = 1, *, data: dict[str, Any] | None = None, **attributes: Any
) -> EncodedEvent:
    """Return an encoded Event about a Pod that is restarted again and again."""
    known = {
        "id": f"uid-{number}",
        "source": "kubernetes://prod",
        "type": "io.kubebridge.event.warning.v1",
        "subject": "shop/Pod/web-0",
        "time": "2026-11-30T10:05:00Z",
        "datacontenttype": "application/json",
    }
    extensions = {
        "cluster": "prod",
        "namespace": "shop",
        "kind": "Pod",
        "name": "web-0",
        "reason": "BackOff",
        "component": "kubelet",
        "node": "node-1",
        "uid": "pod-1",
        "severitytext": "WARN",
    }
    for name, value in attributes.items():
        (known if name in known else extensions)[name] = value
    body = msgspec.json.encode(BACK_OFF if data is None else data)
    return encode(CloudEvent(**known, extensions=extensions, data=body))


def classifier() -> ResponseClassifier:
    """Return what says what statuses mean to a sink called hook."""
    return ResponseClassifier("hook")


def answer(status: int, body: Any = b"", **headers: str) -> Response:
    """Return an answer; a body that is not bytes is JSON."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Response(status, headers, raw, 0.1)
