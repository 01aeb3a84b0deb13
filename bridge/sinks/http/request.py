"""Build requests: URL, header fields, the format's body, signature, size."""

from collections.abc import Mapping, Sequence

from msgspec.structs import replace
from multidict import CIMultiDict
from yarl import URL

from bridge.events import EncodedEvent
from bridge.events.encode import Header
from bridge.net.urls import parse_url, url_secrets
from bridge.sinks.formats import Format, SinkRequest
from bridge.sinks.http.auth import BasicAuth, HeaderAuth, OAuth2Auth, token_field
from bridge.sinks.http.signing import Signer
from bridge.sinks.http.size_limit import SizeLimit, length, wire_bytes
from bridge.sinks.reloaded import SecretError
from bridge.sinks.secrets import SecretConfig, SecretText

_EXPECTED = "expected an http or https URL without user and password"


class SinkUrl:
    """Reads the URL of a sink, which may be a secret that changes.

    Attributes:
        auth: Made of user and password in the URL; None: there are none.
        secret: The URL, if it is one; None: it is not.
    """

    def __init__(self, url: str | SecretConfig) -> None:
        """Read no secret yet.

        User and password in a URL of the configuration become `auth`.
        """
        self.auth: HeaderAuth | None = None
        self.secret = None if isinstance(url, str) else url.open()
        self._url: URL | None = None
        self._text = ""
        self._replaced = ""
        if isinstance(url, str):
            self._text, self._url = url, URL(url)
            if self._url.user is not None:
                password = SecretText(self._url.password or "")
                self.auth = BasicAuth(username=self._url.user, password=password)
                self._url = self._url.with_user(None)

    @property
    def fixed(self) -> URL | None:
        """The URL, if it never changes; None: it is a secret."""
        return self._url if self.secret is None else None

    def current(self) -> URL:
        """Return the URL; the same object as long as it stays the same.

        Raises:
            SecretError: It cannot be read, or is not a URL.
        """
        text = self._text if self.secret is None else self.secret.read()
        if self._url is None or text != self._text:
            url = _parse(text)
            # Requests to the other one may still be under way.
            self._replaced, self._text, self._url = self._text, text, url
        return self._url

    def read(self) -> str:
        """Return the text as it is now.

        Raises:
            SecretError: It cannot be read.
        """
        return self._text if self.secret is None else self.secret.read()

    def secrets(self) -> list[str]:
        """Return the secret parts of the URL, and of the URL before."""
        is_secret = self.secret is not None
        texts = [text for text in (self._text, self._replaced) if text]
        return [one for text in texts for one in url_secrets(text, is_secret=is_secret)]


def _parse(text: str) -> URL:
    try:
        url = parse_url(text)
    except ValueError:
        # Without a cause: its text would show what is secret.
        raise SecretError(f"url: {_EXPECTED}", reason="secret") from None
    if url.scheme not in ("http", "https") or not url.host or url.user is not None:
        raise SecretError(f"url: {_EXPECTED}", reason="secret")
    return url


class RequestHeaders:
    """Holds the header fields of every request of a sink.

    Attributes:
        sources: The secrets among them.
    """

    def __init__(
        self,
        *,
        defaults: Mapping[str, str],
        configured: Mapping[str, str | SecretConfig],
        auth: HeaderAuth | None,
        content_type: str,
    ) -> None:
        """Read no secret yet.

        Args:
            defaults: Fields that may be configured otherwise.
            configured: Further fields, whose values may be secrets.
            auth: Gives `Authorization`; None: nothing does.
            content_type: Receivers tell content modes apart by it, so that no
                configuration changes it.
        """
        self._defaults = defaults
        self._content_type = content_type
        self._configured = {
            name: value if isinstance(value, str) else value.open()
            for name, value in configured.items()
        }
        self._auth = auth
        values = self._configured.values()
        found = [value for value in values if not isinstance(value, str)]
        self.sources = found if auth is None else [*found, auth.secret]
        self._values: list[str] | None = None
        self._replaced: list[str] = []
        self._fields: CIMultiDict[str] = CIMultiDict()

    def current(self) -> CIMultiDict[str]:
        """Return the fields; the same object as long as no secret changes.

        Raises:
            SecretError: A secret cannot be read.
        """
        values = [secret.read() for secret in self.sources]
        if values != self._values:
            # Requests with them may still be under way.
            self._replaced = self._shown()
            self._fields = self._build()
            self._values = values
        return self._fields

    def secrets(self) -> list[str]:
        """Return the values that must not be shown: those last read and replaced."""
        return [*self._shown(), *self._replaced]

    def _shown(self) -> list[str]:
        credentials = self._fields.get("Authorization", "").partition(" ")[2]
        return [value for value in (*(self._values or ()), credentials) if value]

    def _build(self) -> CIMultiDict[str]:
        fields = CIMultiDict(self._defaults)
        for name, value in self._configured.items():
            fields[name] = value if isinstance(value, str) else value.read()
        if self._auth is not None:
            fields["Authorization"] = self._auth.header()
        fields["Content-Type"] = self._content_type
        return fields


_TOKEN_BYTES = 16384
"""More than any token that receivers take: 8 kB of header fields are usual."""


class RequestBuilder:
    """Builds the requests of one sink."""

    def __init__(
        self,
        *,
        target: SinkUrl,
        format_: Format,
        headers: RequestHeaders,
        sign: Signer | None,
        tokens: OAuth2Auth | None,
        size_limit: SizeLimit,
    ) -> None:
        """Build nothing yet.

        Args:
            target: Where to.
            format_: Renders events.
            headers: Fields of all requests.
            sign: Signs them; None: nothing does.
            tokens: Adds a token, later; None: nothing does.
            size_limit: Most bytes of any request.
        """
        self._target = target
        self._format = format_
        self._headers = headers
        self._sign = sign
        self._tokens = tokens
        self._size_limit = size_limit
        # How long a token is, is not known before there is one.
        self._measured: tuple[URL, CIMultiDict[str]] | None = None
        self._room = 0
        self._reserve_bytes = 0 if tokens is None else _TOKEN_BYTES

    @property
    def headers(self) -> CIMultiDict[str]:
        """Fields of all requests: the same object as long as no secret changes."""
        return self._headers.current()

    def compose(self, events: Sequence[EncodedEvent]) -> SinkRequest:
        """Return the request that carries the events, of any size.

        Raises:
            PermanentSinkError: There are too many of them for one batch.
            SecretError: A secret cannot be read.
        """
        request = self._format.render(self._target.current(), events)
        if self._sign is None:
            return request
        ids = [event.id for event in events]
        signature = self._sign.headers(ids, request.body)
        return replace(request, fields=[*request.fields, *signature])

    def passes(
        self,
        events: Sequence[EncodedEvent],
        request: SinkRequest,
        headers: CIMultiDict[str],
    ) -> bool:
        """Return whether a request may be sent as it is: `fit` is not needed.

        The usual answer is a comparison of two numbers.
        """
        url, fields = request.url, request.fields
        measured = self._measured
        if measured is None or headers is not measured[1] or url is not measured[0]:
            room = self._size_limit.room(url, headers)
            self._room, self._measured = room - self._reserve_bytes, (url, headers)
        if len(request.body) + (length(fields) if fields else 0) <= self._room:
            return True
        if not self._size_limit.is_sent_all_the_same:
            return False
        token = None if self._tokens is None else self._tokens.ready()
        added = [] if token is None else [token_field(token)]
        size = wire_bytes(url, headers, [*fields, *added], request.body)
        self._size_limit.note_each(events, size)
        return True

    async def fit(self, events: Sequence[EncodedEvent]) -> SinkRequest:
        """Return the request to send where one would be near the size limit, or beyond.

        Raises:
            PermanentSinkError: A batch has to be made smaller, or the event has to
                become a dead letter.
            httpx.TransportError: There is no token, whose length counts.
            SecretError: A secret cannot be read.
        """
        added: Sequence[Header] = ()
        if self._tokens is not None:
            added = [token_field(await self._tokens.get())]

        def measure(some: Sequence[EncodedEvent]) -> int:
            one = self.compose(some)
            return wire_bytes(one.url, self.headers, [*one.fields, *added], one.body)

        return self.compose(self._size_limit.apply(events, measure))
