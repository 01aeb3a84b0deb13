"""Secrets in a file of theirs: ours names variables, the report what they hold."""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

from bridge.migrate.reading import Section, references, whole_reference
from bridge.migrate.report import ConversionReport

_SECRET_NAME: Final = re.compile(
    "auth|cookie|credential|key|pass|secret|session|signature|token", re.IGNORECASE
)
_RANDOM: Final = re.compile(r"(?=[^/]*[0-9])(?=[^/]*[A-Za-z])[^/]{20,}")
_HOSTS: Final = (
    *("hooks.slack.com", "webhook.office.com", "outlook.office.com", "logic.azure.com"),
    *("discord.com", "chat.googleapis.com", "hooks.zapier.com", "api.telegram.org"),
)


def is_secret_header(name: str) -> bool:
    """Return whether a header field is taken for a secret, by its name."""
    return _SECRET_NAME.search(name) is not None


def is_secret_url(url: str) -> bool:
    """Return whether a URL may be a secret: by user, query, host, or random parts."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    return bool(
        parts.username
        or parts.query
        or any(host == one or host.endswith(f".{one}") for one in _HOSTS)
        or any(_RANDOM.fullmatch(one) for one in parts.path.split("/"))
    )


class SecretNames:
    """Names the environment variables of one file."""

    def __init__(self, report: ConversionReport, taken: Iterable[str] = ()) -> None:
        """Name nothing yet; `taken` are names that are used for something else."""
        self._report = report
        self._taken = set(taken)

    def move(
        self, value: Section, *, sink: str, name: str, form: str = ""
    ) -> dict[str, str]:
        """Return where a secret stands from now on.

        Args:
            value: The secret, as their file has it.
            sink: Name of the sink.
            name: What it is, e.g. ``token``.
            form: How the variable has to look; empty: as the value does.
        """
        known = None if form else whole_reference(value.text)
        if known is not None:
            text = f"read from ${known}, as there"
            self._report.add(value.line, "same", value.thing, text)
            return {"env": known}
        variable = self._free(re.sub(r"\W+", "_", f"{sink}_{name}".upper()))
        what = "that value"
        if form:
            what = f"'{form}'"
        if inner := references(value.text):
            what += f", with {', '.join(f'${one}' for one in inner)} filled in"
        text = f"set {variable} to {what}; no secret stands in our file"
        self._report.add(value.line, "secret", value.thing, text)
        return {"env": variable}

    def _free(self, wanted: str) -> str:
        name, number = wanted, 1
        while name in self._taken:
            number += 1
            name = f"{wanted}_{number}"
        self._taken.add(name)
        return name
