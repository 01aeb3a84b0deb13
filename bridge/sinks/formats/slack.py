"""Slack: incoming webhooks, and chat.postMessage with a bot's token.

Both take Block Kit (docs.slack.dev/reference/block-kit): a header, the text, the facts.
A webhook answers with a status and one word; chat.postMessage answers 200 also when it
refuses, with ``{"ok": false, "error": ...}``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self

import msgspec
from pydantic import PrivateAttr, model_validator
from yarl import URL

from bridge.errors import (
    PermanentSinkError,
    SinkError,
    SinkPausedError,
    TemplateError,
    TemporarySinkError,
)
from bridge.events import EncodedEvent
from bridge.settings.model import Model, fault
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.formats.message import Message, message_of, shortened
from bridge.sinks.formats.template import render_body
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.transports import EXCERPT_BYTES, Response
from bridge.templates import Template

_MARKS: Final = {"info": "🟢", "warning": "⚠️", "error": "🔴"}
_TITLE_CHARACTERS: Final = 150
_TEXT_CHARACTERS: Final = 2900
_FACT_CHARACTERS: Final = 200

_TEMPORARY: Final = frozenset(
    {"fatal_error", "internal_error", "ratelimited", "request_timeout"}
    | {"service_unavailable", "team_added_to_org"}
)
_OF_THE_EVENT: Final = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
    | {"no_text", "too_many_attachments", "invalid_arguments"}
)
"""Errors of chat.postMessage (docs.slack.dev); all others are the operator's."""


class SlackConfig(Model):
    """A message in a channel."""

    type: Literal["slack"]
    """Name of the format."""

    channel: str | None = None
    """For chat.postMessage with a bot's token: the channel's id or name. null: an
    incoming webhook, whose URL says where to, unless `body` has a `channel`."""

    body: dict[str, Any] | None = None
    """The message instead of ours: a tree of templates as that of the format
    `template`. null: a header, the text and the facts. Texts are sent as they are
    made: what stands in `text` can mention people."""

    _template: Template | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        if self.body is not None:
            try:
                self._template = Template({"body": self.body})
            except TemplateError as error:
                raise fault(f"{'.'.join(map(str, error.path))}: {error}") from None
        return self

    @property
    def template(self) -> Template | None:
        """The compiled `body`; None: there is none."""
        return self._template

    @property
    def is_api(self) -> bool:
        """Whether it is for chat.postMessage, whose 200 may be a refusal."""
        return self.channel is not None or "channel" in (self.body or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackFormat:
    """A message for each event.

    Attributes:
        classifier: Says what a status means.
        sink: Its name, for messages.
        settings: Where to, and in which form.
    """

    classifier: ResponseClassifier
    sink: str
    settings: SlackConfig
    content_type: ClassVar = "application/json; charset=utf-8"
    max_batch: ClassVar = 1
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        (event,) = events
        template = self.settings.template
        body = (
            _body(message_of(event))
            if template is None
            else render_body(template, event, sink=self.sink)
        )
        if self.settings.channel is not None:
            body.setdefault("channel", self.settings.channel)
        return SinkRequest(url=url, body=msgspec.json.encode(body))

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`."""
        results = self.classifier.accepted(response, events=len(events))
        error = _error_of(response.body) if self.settings.is_api else None
        return results if error is None else [self._refused(error, response)]

    def _refused(self, error: str, response: Response) -> SinkError:
        message = f"sink {self.sink} answered {response.status} with error {error!r}"
        if error in _TEMPORARY:
            return TemporarySinkError(
                message,
                reason="status",
                scope="sink" if error == "ratelimited" else "event",
                status=response.status,
                duration_seconds=response.duration_seconds,
                excerpt=response.excerpt,
            )
        kind = PermanentSinkError if error in _OF_THE_EVENT else SinkPausedError
        return kind(
            message,
            reason="status",
            status=response.status,
            duration_seconds=response.duration_seconds,
            excerpt=response.excerpt,
        )


def _error_of(body: bytes) -> str | None:
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return "not JSON"
    if not isinstance(answer, dict):
        return "not JSON"
    error = answer.get("error")
    return None if answer.get("ok") is True else str(error or "unknown")[:80]


def _body(message: Message) -> dict[str, Any]:
    title = shortened(f"{_MARKS[message.severity]} {message.title}", _TITLE_CHARACTERS)
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": title}}
    ]
    if message.text:
        text = escaped(shortened(message.text, _TEXT_CHARACTERS))
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    facts = [
        {
            "type": "mrkdwn",
            "text": f"*{name}:* {escaped(shortened(value, _FACT_CHARACTERS))}",
        }
        for name, value in message.facts
    ]
    if facts:
        blocks.append({"type": "context", "elements": facts[:10]})
    # The text is what a notification shows, and what a reader of the screen hears.
    return {"text": escaped(title), "blocks": blocks}


def escaped(text: str) -> str:
    """Return text in which Slack finds no mention and no link."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
