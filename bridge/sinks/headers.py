"""The header fields of a sink's requests, made anew only when a secret changes."""

from collections.abc import Mapping

from multidict import CIMultiDict

from bridge.sinks.auth import HeaderAuth, Secret


class RequestHeaders:
    """What stands in every request of a sink.

    Attributes:
        sources: The secrets among it.
    """

    def __init__(
        self,
        *,
        defaults: Mapping[str, str],
        configured: Mapping[str, str | Secret],
        auth: HeaderAuth | None,
        content_type: str,
    ) -> None:
        """Read no secret yet.

        Args:
            defaults: Fields that may be configured otherwise.
            configured: Further fields, whose values may be secrets.
            auth: Gives `Authorization`; None: nothing does.
            content_type: What a receiver tells content modes apart by, so that no
                configuration changes it.
        """
        self._defaults = defaults
        self._content_type = content_type
        self._configured = configured
        self._auth = auth
        found = [value for value in configured.values() if not isinstance(value, str)]
        self.sources = found if auth is None else [*found, auth.secret]
        self._values: list[str] | None = None
        self._replaced: list[str] = []
        self._fields: CIMultiDict[str] = CIMultiDict()

    def current(self) -> CIMultiDict[str]:
        """Return the fields; the same object as long as no secret changes.

        Raises:
            UnusableError: A secret cannot be read.
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
