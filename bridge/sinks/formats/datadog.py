"""Datadog: events, ``POST https://api.datadoghq.com/api/v1/events``.

The header ``DD-API-KEY`` is one of the sink's; fields and limits are those of
docs.datadoghq.com/api/latest/events. Repeats of a problem share an aggregation key.
"""

import hashlib
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from bridge.settings.model import Model
from bridge.sinks.formats.message import Message, shortened

_TAGS: Final = ("cluster", "namespace", "kind", "name", "reason", "node", "component")


class DatadogConfig(Model):
    """An event in the stream of events."""

    type: Literal["datadog"]
    """Name of the format."""

    tags: list[str] = Field(default_factory=list)
    """Further tags, as in `env:prod`."""


def datadog_body(message: Message, *, tags: list[str]) -> Any:
    """Return an event of the first version of their API."""
    own = [
        f"kube_{name}:{message.attribute(name)}"
        for name in _TAGS
        if message.attribute(name)
    ]
    body: dict[str, Any] = {
        "title": shortened(message.title, 100),
        "text": shortened(message.text or message.title, 4000),
        "alert_type": message.severity,
        "priority": "low" if message.severity == "info" else "normal",
        "source_type_name": "kubernetes",
        "aggregation_key": hashlib.sha256(message.key.encode()).hexdigest(),
        "tags": [*own, *tags],
    }
    if message.attribute("node"):
        body["host"] = message.attribute("node")
    if message.time is not None:
        body["date_happened"] = int(datetime.fromisoformat(message.time).timestamp())
    return body
