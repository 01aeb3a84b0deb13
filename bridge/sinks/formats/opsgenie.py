"""Opsgenie: an alert for each problem, identified by its alias.

``POST https://api.opsgenie.com/v2/alerts`` with ``Authorization: GenieKey …`` as a
header of the sink; limits are those of docs.opsgenie.com/docs/alert-api. A repeat with
the same alias is counted in the open alert. The answer is 202.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import Field

from bridge.settings.model import Model
from bridge.sinks.formats.message import Message, shortened

_PRIORITIES: Final = {"info": "P5", "warning": "P3", "error": "P2"}


class OpsgenieConfig(Model):
    """An alert."""

    type: Literal["opsgenie"]
    """Name of the format."""

    tags: Annotated[list[str], Field(max_length=20)] = Field(default_factory=list)
    """Tags of each alert."""


def opsgenie_body(message: Message, *, tags: list[str]) -> Any:
    """Return the request that creates an alert, or counts it again."""
    return {
        "message": shortened(message.title, 130),
        "alias": shortened(message.key, 512),
        "description": shortened(message.text, 15_000),
        "entity": shortened(message.attribute("subject"), 512),
        "source": shortened(message.attribute("source"), 100),
        "priority": _PRIORITIES[message.severity],
        "tags": tags,
        "details": dict(message.facts),
    }
