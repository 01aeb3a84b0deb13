"""How a sink knows us: secrets that may change, and the headers made of them."""

import base64
import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bridge.files.reading import read_file
from bridge.sinks.reloaded import ReloadedFile, SecretError


class Secret(Protocol):
    """A value that stands nowhere in the configuration and may change."""

    def read(self) -> str:
        """Return the value as it is now.

        Raises:
            UnusableError: There is none, or it cannot stand in a header.
        """
        ...


@dataclass(frozen=True, slots=True)
class SecretText:
    """A secret that stands somewhere after all: in the URL of a sink."""

    text: str = field(repr=False)

    def read(self) -> str:
        """See `Secret`."""
        return self.text


class SecretFromEnv:
    """A secret in an environment variable."""

    def __init__(self, name: str, *, environ: Mapping[str, str] | None = None) -> None:
        """Name the variable; `environ` is the process's own if it is None."""
        self._name = name
        self._environ = os.environ if environ is None else environ

    def read(self) -> str:
        """See `Secret`."""
        return _usable(
            self._environ.get(self._name, ""), f"environment variable {self._name}"
        )


class SecretFromFile:
    """A secret in a file, read again when the file changes.

    Attributes:
        file: What is read again.
    """

    def __init__(
        self, path: Path, *, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Name the file; see `ReloadedFile` for `now`."""
        self._path = path
        self.file = ReloadedFile([path], self._load, now=now)

    def read(self) -> str:
        """See `Secret`."""
        return self.file.get()

    def _load(self) -> str:
        what = f"secret file {self._path}"
        try:
            text = read_file(self._path).decode()
        except OSError as error:
            raise SecretError(f"{what}: {error.strerror}", reason="secret") from error
        except UnicodeDecodeError:
            # Without a cause: the error holds what stands in the file.
            message = f"{what}: expected text in UTF-8"
            raise SecretError(message, reason="secret") from None
        return _usable(text, what)


def files_of(secrets: Iterable[Secret]) -> list[ReloadedFile[str]]:
    """Return the files of those secrets that stand in one."""
    return [one.file for one in secrets if isinstance(one, SecretFromFile)]


def _usable(text: str, what: str) -> str:
    value = text.strip()
    if not value:
        raise SecretError(f"{what}: expected a value, got none", reason="secret")
    if not value.isprintable():
        raise SecretError(
            f"{what}: expected one line of printable text", reason="secret"
        )
    return value


class BearerAuth:
    """A bearer token (RFC 6750, 2.1)."""

    def __init__(self, *, token: Secret) -> None:
        """Send `token` as it is at the time of the request."""
        self.secret = token

    def header(self) -> str:
        """Return the value of `Authorization`.

        Raises:
            SecretError: See `Secret`.
        """
        return f"Bearer {self.secret.read()}"


class BasicAuth:
    """User and password (RFC 7617)."""

    def __init__(self, *, username: str, password: Secret) -> None:
        """Send `password` as it is at the time of the request."""
        self.secret = password
        self._username = username

    def header(self) -> str:
        """Return the value of `Authorization`.

        Raises:
            SecretError: See `Secret`.
        """
        pair = f"{self._username}:{self.secret.read()}"
        return "Basic " + base64.b64encode(pair.encode()).decode()


HeaderAuth = BasicAuth | BearerAuth
"""Sets `Authorization` and nothing else, so that it needs no request to do it."""
