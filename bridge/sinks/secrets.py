"""Read secrets: values outside the configuration, which may change."""

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Protocol, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from bridge.files.reading import read_file
from bridge.settings.model import Model, fault, mismatch
from bridge.settings.values import FilePath
from bridge.sinks.reloaded import ReloadedFile, SecretError

INSTEAD = "expected {env: NAME} or {file: path}"
"""What to write where a secret must not stand."""


class Secret(Protocol):
    """Reads a value outside the configuration, which may change."""

    def read(self) -> str:
        """Return the value as it is now.

        Raises:
            SecretError: There is none, or it does not fit a header field.
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


class SecretConfig(Model):
    """A value that does not stand in the document: exactly one of the keys."""

    env: Annotated[str, Field(min_length=1)] | None = None
    """Name of an environment variable; read when the process starts."""

    file: FilePath | None = None
    """Path of a file, read again when it changes; a last line break is cut off.
    Relative to the folder of the document."""

    @model_validator(mode="wrap")
    @classmethod
    def _is_not_plain_text(
        cls, data: object, handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        if isinstance(data, str):
            raise fault(f"{INSTEAD}, got plain text: no secret stands in the document")
        if not isinstance(data, dict | SecretConfig):
            raise mismatch(INSTEAD)
        secret = handler(data)
        if (secret.env is None) == (secret.file is None):
            raise fault("expected exactly one of env and file")
        return secret

    def open(self) -> Secret:
        """Return what reads the value."""
        if self.file is not None:
            return SecretFromFile(self.file)
        return SecretFromEnv(self.env or "")
