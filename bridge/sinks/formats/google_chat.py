"""Google Chat: a webhook of a space, which takes cards.

developers.google.com/workspace/chat/quickstart/webhooks; a space takes one message a
second and answers 429 to more. Texts of a card know a few HTML tags.
"""

import html
from typing import Any, Final, Literal

from bridge.settings.model import Model
from bridge.sinks.formats.message import Message, shortened

_MARKS: Final = {"info": "🟢", "warning": "⚠️", "error": "🔴"}
_TITLE_CHARACTERS: Final = 200
_TEXT_CHARACTERS: Final = 4000
_FACT_CHARACTERS: Final = 200


class GoogleChatConfig(Model):
    """A card in a space."""

    type: Literal["google-chat"]
    """Name of the format."""


def google_chat_body(message: Message) -> Any:
    """Return a message with one card."""
    widgets: list[dict[str, Any]] = []
    if message.text:
        text = html.escape(shortened(message.text, _TEXT_CHARACTERS), quote=False)
        widgets.append({"textParagraph": {"text": text}})
    widgets += [
        {
            "decoratedText": {
                "topLabel": name,
                "text": html.escape(shortened(value, _FACT_CHARACTERS), quote=False),
            }
        }
        for name, value in message.facts
    ]
    title = shortened(f"{_MARKS[message.severity]} {message.title}", _TITLE_CHARACTERS)
    card: dict[str, Any] = {"header": {"title": title}}
    if widgets:
        card["sections"] = [{"widgets": widgets}]
    fallback = shortened(title, _TITLE_CHARACTERS)
    return {
        "fallbackText": fallback,
        "cardsV2": [{"cardId": "event", "card": card}],
    }
