"""Grafana: annotations, ``POST https://<grafana>/api/annotations``.

A service account's token stands in the sink's `auth`; fields are those of
grafana.com/docs/grafana/latest/developers/http_api/annotations.
"""

import html
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import Field

from bridge.settings.model import Model
from bridge.sinks.formats.message import Message, shortened

_TAGS: Final = ("cluster", "namespace", "kind", "reason")


class GrafanaConfig(Model):
    """An annotation, shown in all dashboards that ask for its tags."""

    type: Literal["grafana"]
    """Name of the format."""

    tags: list[str] = Field(default_factory=lambda: ["kubernetes"])
    """Tags besides those of the event: `namespace:shop`."""


def grafana_body(message: Message, *, tags: list[str]) -> Any:
    """Return an annotation of the whole organisation."""
    own = [
        f"{name}:{message.attribute(name)}" for name in _TAGS if message.attribute(name)
    ]
    # Grafana shows the text as HTML.
    lines = [f"<b>{html.escape(message.title)}</b>"]
    if message.text:
        lines.append(html.escape(shortened(message.text, 4000)))
    body: dict[str, Any] = {"text": "<br/>".join(lines), "tags": [*tags, *own]}
    if message.time is not None:
        body["time"] = round(datetime.fromisoformat(message.time).timestamp() * 1000)
    return body
