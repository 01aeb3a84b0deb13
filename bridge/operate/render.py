"""Shows the request that a sink would send for an event; nothing is sent.

No secret is read for it: each is replaced, so that a request can be looked at where the
secrets are not, and none can be shown.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import msgspec
from yarl import URL

from bridge.events import EncodedEvent
from bridge.net.urls import HIDDEN, shown_url
from bridge.settings.model import Model
from bridge.sinks.formats import SinkRequest
from bridge.sinks.formats.template import TemplateConfig
from bridge.sinks.http.auth import build_auth
from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.http.signing import SECRET_PREFIX, build_signer
from bridge.sinks.http.sink import HttpSink
from bridge.sinks.secrets import Secret, SecretConfig, SecretText
from bridge.sinks.settings import AnySinkConfig
from bridge.sinks.transports.egress import Egress

_PLACE: Final = URL("http://hidden.invalid")
_KEY: Final = SECRET_PREFIX + base64.b64encode(bytes(32)).decode()
_SIGNATURES: Final = {"authorization", "webhook-signature", "x-hub-signature-256"}

_Settings = TypeVar("_Settings")


class RenderedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request as a person may see it.

    Attributes:
        method: In upper case; empty: the sink speaks no HTTP.
        url: Where to, without secrets.
        headers: Header fields by name; secrets, and fields of the configuration, have
            no value. Those of the connection (Host, Content-Length) are not there.
        body: The body as it would be sent, but for secrets in it.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def tree(self) -> Any:
        """The body, decoded if it is JSON, else as text."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError):
            return self.body.decode(errors="replace")


def render_request(settings: AnySinkConfig, event: EncodedEvent) -> RenderedRequest:
    """Return the request that would carry an event.

    Args:
        settings: The sink.
        event: The event in the sink's form.

    Raises:
        PermanentSinkError: The event cannot be rendered.
        ConfigError: The sink cannot be built.
    """
    if not isinstance(settings, HttpConfig):
        return RenderedRequest(method="", url="stdout:", headers={}, body=event.body)
    harmless = _without_secrets(settings)
    sink = HttpSink(
        harmless,
        auth=build_auth(harmless.auth, timeout_seconds=1.0, egress=Egress()),
        sign=build_signer(harmless.sign),
        environ={},
    )
    request, fields = sink.compose([event])
    return RenderedRequest(
        method=request.method,
        url=_shown(settings, request),
        headers=_headers(settings, fields),
        body=request.body,
    )


class _HiddenSecret(SecretConfig):
    """A secret that is not read."""

    def open(self) -> Secret:
        """Return the placeholder of the value."""
        return SecretText(self.env or "")


def _hidden(text: str) -> _HiddenSecret:
    return _HiddenSecret.model_construct(env=text, file=None)


def _without_secrets(settings: HttpConfig) -> HttpConfig:
    harmless = _replaced(settings)
    update: dict[str, Any] = {}
    if not isinstance(settings.url, str):
        update["url"] = _hidden(str(_PLACE))
    if settings.sign is not None:
        keys = tuple(_hidden(_KEY) for _ in settings.sign.secrets)
        update["sign"] = settings.sign.model_copy(update={"secrets": keys})
    return harmless.model_copy(update=update)


def _replaced(value: _Settings) -> _Settings:
    """Return settings in which no secret can be read."""
    made: Any = value
    match value:
        case SecretConfig():
            made = _hidden(HIDDEN)
        case Model():
            fields = type(value).model_fields
            update = {name: _replaced(getattr(value, name)) for name in fields}
            made = value.model_copy(update=update)
        case dict():
            made = {key: _replaced(one) for key, one in value.items()}
        case _:
            pass
    found: _Settings = made
    return found


def _headers(settings: HttpConfig, fields: Mapping[str, str]) -> dict[str, str]:
    hidden = _SIGNATURES | {name.lower() for name in settings.headers}
    made = settings.format
    if isinstance(made, TemplateConfig):
        hidden -= {name.lower() for name in made.headers} - _SIGNATURES
    shown = {
        name: HIDDEN if name.lower() in hidden else value
        for name, value in fields.items()
    }
    has_token = settings.auth is not None and settings.auth.oauth2 is not None
    return shown | ({"Authorization": HIDDEN} if has_token else {})


def _shown(settings: HttpConfig, request: SinkRequest) -> str:
    """Return the URL; a query is shown as far as a template has made it."""
    made = settings.format
    names = made.query if isinstance(made, TemplateConfig) else {}
    pairs = {name: one for name, one in request.url.query.items() if name in names}
    query = str(URL.build(query=pairs)) if pairs else ""
    if isinstance(settings.url, str):
        base = shown_url(str(request.url.with_query(None)))
        if URL(settings.url).query:
            return f"{base}?{HIDDEN}{query.replace('?', '&', 1)}"
        return base + query
    place = "file" if settings.url.file else "env"
    source = f"{{{place}: {settings.url.file or settings.url.env}}}"
    path = urlsplit(str(request.url)).path.removesuffix("/")
    return f"{source}{path}{query}"
