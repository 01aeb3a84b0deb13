"""Requests of one's own: body, path, query and header fields made by templates.

The body is a tree of YAML whose texts are templates; it is encoded as JSON, or, if it
is one text, sent as that text. No template can name another host: path and query alone
are made, and every value in them is percent-encoded.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal, Self
from urllib.parse import quote

import msgspec
from pydantic import Field, PrivateAttr, model_validator
from yarl import URL

from bridge.errors import PermanentSinkError, SinkError, TemplateError
from bridge.events import EncodedEvent
from bridge.events.encode import Header, attributes
from bridge.settings.model import Model, fault
from bridge.settings.values import HeaderName
from bridge.sinks import Accepted
from bridge.sinks.formats import SinkRequest
from bridge.sinks.formats.message import data_of
from bridge.sinks.http.classify import ResponseClassifier
from bridge.sinks.transports import EXCERPT_BYTES, Response
from bridge.templates import OMIT, Template, context_of

_JSON: Final = "application/json"
_IN_PATHS: Final = "/%!$&'()*+,;=:@~"
"""Signs that stand in a path as they are (RFC 3986, 3.3), and those of encoded ones."""

_is_field_value = re.compile(r"[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?").fullmatch


class TemplateConfig(Model):
    """A request made by templates."""

    type: Literal["template"]
    """Name of the format."""

    body: Any
    """A tree of mappings, lists and texts with expressions, or one text. An expression
    that is all of a text keeps its type; `omit` leaves a key out."""

    content_type: str = _JSON
    """Content-Type of the body; a text that is said to be JSON has to be JSON."""

    method: Literal["POST", "PUT", "PATCH"] = "POST"
    """How it is sent."""

    path: str | None = None
    """Path of the request instead of the URL's, with expressions; null: the URL's."""

    query: dict[str, str] = Field(default_factory=dict)
    """Parameters that are added to the URL, with expressions."""

    headers: dict[HeaderName, str] = Field(default_factory=dict)
    """Header fields with expressions, beside those of the sink."""

    _template: Template = PrivateAttr()
    _path: Template = PrivateAttr()

    @model_validator(mode="after")
    def _compiles(self) -> Self:
        rest = {"body": self.body, "query": self.query, "headers": self.headers}
        try:
            self._template = Template(rest)
            self._path = Template({"path": self.path}, is_path=True)
        except TemplateError as error:
            raise fault(f"{_shown(error.path)}: {error}") from None
        return self

    def render(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Return body, query, headers and path, computed.

        Raises:
            TemplateError: One cannot be computed from this event.
        """
        return {**self._template.render(context), **self._path.render(context)}


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateFormat:
    """A request for each event; a status is the answer.

    Attributes:
        classifier: Says what a status means.
        sink: Its name, for messages.
        settings: What is made, and how.
    """

    classifier: ResponseClassifier
    sink: str
    settings: TemplateConfig
    max_batch: ClassVar = 1
    secrets: ClassVar = ()
    answer_bytes: ClassVar = EXCERPT_BYTES

    @property
    def content_type(self) -> str:
        """See `Format`."""
        return self.settings.content_type

    def render(self, url: URL, events: Sequence[EncodedEvent]) -> SinkRequest:
        """See `Format`."""
        (event,) = events
        try:
            return self._request(url, event)
        except TemplateError as error:
            where = f"{_shown(error.path)}: " if error.path else ""
            raise PermanentSinkError(
                f"sink {self.sink}: {where}{error}", reason="format"
            ) from None

    def judge(
        self, response: Response, events: Sequence[EncodedEvent]
    ) -> Sequence[Accepted | SinkError]:
        """See `Format`."""
        return self.classifier.accepted(response, events=len(events))

    def _request(self, url: URL, event: EncodedEvent) -> SinkRequest:
        context = context_for(event)
        made = self.settings.render(context)
        if made["path"] is not None:
            url = _with_path(url, str(made["path"]))
        if made["query"]:
            url = url.update_query(
                {name: _text(value) for name, value in made["query"].items()}
            )
        return SinkRequest(
            method=self.settings.method,
            url=url,
            body=self._body(made.get("body", OMIT)),
            fields=_fields(made["headers"]),
        )

    def _body(self, made: Any) -> bytes:
        if made is OMIT:
            raise TemplateError("expected a body, got omit", path=("body",))
        try:
            if not isinstance(made, str):
                return msgspec.json.encode(made, enc_hook=_plain)
            body = made.encode()
        except (UnicodeEncodeError, TypeError, ValueError, RecursionError):
            raise TemplateError("cannot be written as JSON", path=("body",)) from None
        if self.settings.content_type.startswith(_JSON):
            _check_json(body)
        return body


def context_for(event: EncodedEvent) -> dict[str, Any]:
    """Return what expressions read of an event.

    Raises:
        PermanentSinkError: Its data cannot be read.
        TemplateError: Its data is nested too deeply.
    """
    found = attributes(event)
    cluster = found.get("cluster")
    return context_of(
        event=found,
        data=data_of(event),
        cluster=None if cluster is None else str(cluster),
    )


def render_body(template: Template, event: EncodedEvent, *, sink: str) -> Any:
    """Return the `body` that a template makes of an event.

    Raises:
        PermanentSinkError: It cannot be computed from this event.
    """
    try:
        made = template.render(context_for(event))["body"]
        msgspec.json.encode(made)
    except TemplateError as error:
        where = f"{_shown(error.path)}: " if error.path else ""
        raise PermanentSinkError(
            f"sink {sink}: {where}{error}", reason="format"
        ) from None
    except (UnicodeEncodeError, TypeError, ValueError, RecursionError):
        raise PermanentSinkError(
            f"sink {sink}: body: cannot be written as JSON", reason="format"
        ) from None
    return made


def _plain(value: Any) -> str:
    """Return text that `tojson` made, which has a class of its own."""
    if isinstance(value, str):
        return str.__str__(value)
    raise TypeError(type(value).__name__)


def _check_json(body: bytes) -> None:
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise TemplateError(
            "expected JSON, as contentType says, got another text", path=("body",)
        ) from None


def _with_path(url: URL, path: str) -> URL:
    # Expressions are encoded already; what stands between them need not be.
    encoded = quote(f"/{path.lstrip('/')}", safe=_IN_PATHS, errors="replace")
    made = URL.build(path=encoded, encoded=True)
    return url.with_path(made.raw_path, encoded=True, keep_query=True)


def _fields(headers: Mapping[str, Any]) -> list[Header]:
    fields = []
    for name, value in headers.items():
        text = _text(value)
        if _is_field_value(text) is None:
            raise TemplateError(
                "expected printable ASCII on one line", path=("headers", name)
            )
        fields.append((name.lower().encode(), text.encode()))
    return fields


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _shown(path: Sequence[str | int]) -> str:
    steps = [f"[{one}]" if isinstance(one, int) else f".{one}" for one in path]
    return "".join(steps).removeprefix(".")
