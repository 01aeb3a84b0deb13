"""Discord: a webhook of a channel, which takes embeds.

Limits and fields are those of discord.com/developers/docs/resources/webhook and
.../resources/message#embed-object; the answer is 204, at the rate limit 429 with
Retry-After.
"""

from typing import Any, Final, Literal

from bridge.settings.model import Model
from bridge.sinks.formats.message import Message, shortened

_COLOURS: Final = {"info": 0x2E7D32, "warning": 0xF9A825, "error": 0xC62828}
_TITLE_CHARACTERS: Final = 256
_TEXT_CHARACTERS: Final = 4000
_FACT_CHARACTERS: Final = 1000
_MARKUP: Final = {ord(sign): f"\\{sign}" for sign in "\\*_~`|>#-[]()<"}


class DiscordConfig(Model):
    """A message in a channel."""

    type: Literal["discord"]
    """Name of the format."""

    username: str | None = None
    """Who the message is from; null: the webhook's own name."""


def discord_body(message: Message, *, username: str | None = None) -> Any:
    """Return a message with one embed, in which nobody is mentioned."""
    embed: dict[str, Any] = {
        "title": shortened(_plain(message.title), _TITLE_CHARACTERS),
        "description": shortened(_plain(message.text), _TEXT_CHARACTERS),
        "color": _COLOURS[message.severity],
        "fields": [
            {
                "name": name,
                "value": shortened(_plain(value), _FACT_CHARACTERS),
                "inline": True,
            }
            for name, value in message.facts
        ],
    }
    if message.time is not None:
        embed["timestamp"] = message.time
    body: dict[str, Any] = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    return body if username is None else {**body, "username": username}


def _plain(text: str) -> str:
    return text.translate(_MARKUP)
