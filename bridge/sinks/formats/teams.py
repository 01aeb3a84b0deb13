"""Microsoft Teams: the webhook of a workflow, which takes Adaptive Cards.

The trigger "When a Teams webhook request is received" answers 202; the older connectors
are retired. A card may have 28 KB (learn.microsoft.com, Teams webhooks, rate limits).
"""

from typing import Any, Final, Literal

from bridge.settings.model import Model
from bridge.sinks.formats.message import Message, shortened

_COLOURS: Final = {"info": "Good", "warning": "Warning", "error": "Attention"}
_TITLE_CHARACTERS: Final = 300
_TEXT_CHARACTERS: Final = 4000
_FACT_CHARACTERS: Final = 200


class TeamsConfig(Model):
    """A card in a channel or chat."""

    type: Literal["teams"]
    """Name of the format."""


def teams_body(message: Message) -> Any:
    """Return a message with one Adaptive Card 1.4 (adaptivecards.io/explorer)."""
    elements: list[dict[str, Any]] = [
        _text(
            shortened(message.title, _TITLE_CHARACTERS),
            size="Medium",
            weight="Bolder",
            color=_COLOURS[message.severity],
        )
    ]
    if message.text:
        elements.append(_text(shortened(message.text, _TEXT_CHARACTERS)))
    if message.facts:
        facts = [
            {"title": name, "value": shortened(value, _FACT_CHARACTERS)}
            for name, value in message.facts
        ]
        elements.append({"type": "FactSet", "facts": facts})
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "msteams": {"width": "Full"},
        "body": elements,
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _text(text: str, **look: str) -> dict[str, Any]:
    """Return text that is shown as it is: a run of text knows no Markdown."""
    return {
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": text, **look}],
    }
