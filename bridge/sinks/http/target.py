"""Where a sink is: a URL that stands in the configuration, or one that is a secret."""

import httpx
from yarl import URL

from bridge.net.urls import parse_url, url_secrets
from bridge.sinks.http.auth import BasicAuth, Secret, SecretText
from bridge.sinks.reloaded import SecretError

_EXPECTED = "expected an http or https URL without user and password"


class SinkUrl:
    """Where to POST, now: a URL that is a secret may change.

    Attributes:
        auth: What user and password in the URL come to; None: there are none.
        secret: The URL, if it is one; None: it is not.
    """

    def __init__(self, url: str | Secret) -> None:
        """Read no secret yet.

        User and password in a URL of the configuration become `auth`.
        """
        self.auth: httpx.Auth | None = None
        self.secret = None if isinstance(url, str) else url
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
            UnusableError: It cannot be read, or is no URL.
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
            UnusableError: It cannot be read.
        """
        return self._text if self.secret is None else self.secret.read()

    def secrets(self) -> list[str]:
        """Return what must not be shown of it, and of the one before."""
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
