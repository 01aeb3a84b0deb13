"""URLs as people may see them: the one place that decides what of a URL is secret.

User and password, the query and its values, and what is a token in the path: webhooks
of chats and of automation services have no other secret than their URL.
"""

import re
from base64 import b64encode
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from yarl import URL

HIDDEN = "***"
"""Stands where a secret stood."""

_STEPS_SHOWN = {
    "hooks.slack.com": 1,
    "hooks.slack-gov.com": 1,
    "webhook.office.com": 1,
    "outlook.office.com": 1,
    "outlook.office365.com": 1,
    "logic.azure.com": 1,
    "api.powerplatform.com": 1,
    "discord.com": 2,
    "discordapp.com": 2,
    "api.telegram.org": 0,
    "hooks.zapier.com": 1,
    "make.com": 0,
    "maker.ifttt.com": 1,
    "events.pagerduty.com": 1,
    "webhook.site": 0,
}
"""Hosts, with all below them, whose URLs are the secret: how many steps of the path say
nothing. Of ``/services/T0/B0/token`` one is shown, of ``/api/webhooks/1/token`` two."""

_TOKEN = re.compile(
    r"""
    (?=.*[0-9]) (?:
      (?=.*[a-z]) (?=.*[A-Z]) [\w~.=+@:%-]{16,}  # base64
    | (?=(?:[^0-9]*[0-9]){3}) [a-z0-9]{20,}     # base32, hexadecimal
    | (?=(?:[^0-9]*[0-9]){3}) [A-Z0-9]{20,}
    | [0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}
    )""",
    re.ASCII | re.VERBOSE,
)
"""A step of a path that is no name that somebody chose."""


def parse_url(text: str) -> URL:
    """Return a URL.

    Raises:
        ValueError: The text is none; it is not quoted.
    """
    try:
        url = URL(text)
        _ = url.host, url.port, str(url)
    except (ValueError, IndexError):  # yarl raises either
        raise ValueError("expected a URL, got something else") from None
    return url


def shown_url(url: str) -> str:
    """Return a URL with `HIDDEN` in place of each part that may be secret.

    A text that is no URL is not shown at all. A fragment is left out.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    user, _, place = parts.netloc.rpartition("@")
    shown = parts._replace(
        netloc=f"{HIDDEN}@{place}" if user or "@" in parts.netloc else place,
        path=_shown_path(parts),
        query=HIDDEN if parts.query else "",
        fragment="",
    )
    return urlunsplit(shown)


def url_secrets(url: str, *, is_secret: bool = False) -> list[str]:
    """Return the parts of a URL that no text may show: tokens and the query.

    Args:
        url: The URL.
        is_secret: Whether all of it is a secret, so that its whole path is one too.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return [url]
    hidden = [parts.query, *(pair.partition("=")[2] for pair in parts.query.split("&"))]
    steps = parts.path.split("/")
    if is_secret or _shown_path(parts) != parts.path:
        hidden += [parts.path, *(step for step in steps if _is_telling(step))]
    return [
        *(one for one in hidden if len(one) >= _LEAST_SECRET),
        *credentials_of(url),
    ]


def credentials_of(url: str) -> list[str]:
    """Return user and password of a URL as they are written, decoded, and sent."""
    text = url if "://" in url else f"//{url}"  # a proxy may stand without a scheme
    try:
        user, _, _ = urlsplit(text).netloc.rpartition("@")
    except ValueError:
        return [url]
    name, _, password = user.partition(":")
    if not password:
        return []
    pair = f"{unquote(name)}:{unquote(password)}"
    return [user, password, unquote(password), b64encode(pair.encode()).decode()]


_LEAST_SECRET = 6
"""Shorter parts stand in any text by chance: to hide them would only garble it."""


def _is_telling(step: str) -> bool:
    return len(step) >= 2 * _LEAST_SECRET and any(map(str.isdigit, step))


def _shown_path(parts: SplitResult) -> str:
    count = _steps_shown(parts)
    steps = parts.path.split("/")
    if count is not None and any(steps[count + 1 :]):
        steps = [*steps[: count + 1], HIDDEN]
    return "/".join(HIDDEN if _TOKEN.fullmatch(step) else step for step in steps)


def _steps_shown(parts: SplitResult) -> int | None:
    host = (parts.hostname or "").rstrip(".")
    labels = host.split(".")
    names = (".".join(labels[start:]) for start in range(len(labels)))
    return next((_STEPS_SHOWN[one] for one in names if one in _STEPS_SHOWN), None)
