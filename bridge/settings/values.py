"""Single values with a rule of their own: names, URLs, paths, headers, counts."""

import re
from collections.abc import Callable, Hashable, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, Strict, ValidationInfo, WithJsonSchema

from bridge.net.urls import parse_url
from bridge.settings.model import fault, mismatch

_NAME = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_KIND = r"[A-Za-z]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLURAL = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
_QUALIFIED = rf"({_SUBDOMAIN}/)?{_NAME}"
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_LONGEST = 253

STATE_FOLDER = Path("~/.local/state")
"""Where XDG_STATE_HOME is when it is not set (XDG Base Directory 0.8)."""

_Item = TypeVar("_Item", bound=Hashable)

_OWN_HEADERS = ("connection", "content-length", "content-type", "te", "trailer")


def _matching(pattern: str, words: str) -> Callable[[str], str]:
    def check(text: str) -> str:
        if not re.fullmatch(pattern, text) or len(text) > _LONGEST:
            raise mismatch(f"expected {words}")
        return text

    return check


def checked(pattern: str, words: str) -> tuple[AfterValidator, WithJsonSchema]:
    """Return the annotations of a text that has to match a pattern as a whole."""
    schema = {"type": "string", "pattern": f"^{pattern}$"}
    return AfterValidator(_matching(pattern, words)), WithJsonSchema(schema)


def is_name(text: str) -> bool:
    """Return whether a thing may be called so, see `Name`."""
    return re.fullmatch(_NAME, text) is not None


def each_once(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """Return a list as it is.

    Raises:
        PydanticCustomError: Something is there twice.
    """
    seen: set[_Item] = set()
    for item in items:
        if item in seen:
            raise fault(f"expected each once, got '{item}' twice")
        seen.add(item)
    return items


def not_empty(items: tuple[_Item, ...]) -> tuple[_Item, ...]:
    """Return a list as it is.

    Raises:
        PydanticCustomError: It is empty. (Not `min_length`: of a list whose items are
            all wrong pydantic says that it is empty.)
    """
    if not items:
        raise fault("expected at least one, got none")
    return items


_MALFORMED = "expected an http or https URL, got one that is malformed"
_PLACEHOLDER = (
    "expected an http or https URL, got one with a placeholder, which nothing fills "
    "in: where a sink's URL is a secret, write url: {env: NAME} or url: {file: path}"
)


def check_url(text: str) -> str:
    """Return `text` if it is an absolute http or https URL.

    Raises:
        PydanticCustomError: It is not; the message shows nothing secret of it.
    """
    if re.search(r"\$\{|\$\(|\{\{", text):
        raise fault(_PLACEHOLDER)
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise fault(_MALFORMED) from None
    if parts.scheme not in {"http", "https"}:
        got = f"scheme '{parts.scheme}'" if parts.scheme else "no scheme"
        raise fault(f"expected an http or https URL, got {got}")
    if not parts.hostname or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise fault("expected an http or https URL, got one without a valid host")
    try:
        parse_url(text)
    except ValueError:
        raise fault(_MALFORMED) from None
    return text


def _host(text: str) -> str:
    if text != "localhost":
        try:
            ip_address(text)
        except ValueError:
            raise mismatch("expected an IP address or 'localhost'") from None
    return text


def _proxy(text: str) -> str:
    return text if text == "none" else check_url(text)


def _resolved(path: Path, info: ValidationInfo) -> Path:
    folder = (info.context or {}).get("folder", Path())
    try:
        return Path(folder, path.expanduser())
    except RuntimeError:
        raise fault("expected a path, got '~' where there is no home folder") from None


def _in_state_folder(path: Path, info: ValidationInfo) -> Path:
    env: Mapping[str, str] = (info.context or {}).get("env", {})
    moved = env.get("XDG_STATE_HOME", "")
    if path.is_relative_to(STATE_FOLDER) and Path(moved).is_absolute():
        return Path(moved, path.relative_to(STATE_FOLDER))
    return _resolved(path, info)


def _header_name(name: str) -> str:
    if not re.fullmatch(_HEADER_NAME, name):
        raise mismatch("expected the name of an HTTP header (RFC 9110, 5.1)")
    if name.lower() in _OWN_HEADERS or name.lower().startswith("ce-"):
        raise fault("expected another header: kubebridge writes this one itself")
    return name


def _header_text(text: str) -> str:
    if not re.fullmatch(r"[\x20-\x7e\t]*", text):
        raise mismatch("expected printable ASCII")
    return text


Name = Annotated[
    str,
    *checked(_NAME, "1 to 63 letters and digits, inside also '.', '_' and '-'"),
]
"""What the other parts of the document, metrics and the API call a thing."""

NamespaceName = Annotated[str, *checked(_LABEL, "a namespace (RFC 1123 label)")]
ClusterName = Annotated[str, *checked(_SUBDOMAIN, "a DNS subdomain (RFC 1123)")]
ServerName = Annotated[
    str, *checked(rf"({_SUBDOMAIN}|[0-9A-Fa-f:.]+)", "a DNS name or an address")
]
TypePrefix = Annotated[str, *checked(_SUBDOMAIN, "a reverse-DNS name")]
ApiVersion = Annotated[
    str, *checked(rf"({_SUBDOMAIN}/)?{_PLURAL}", "an apiVersion such as 'apps/v1'")
]
Kind = Annotated[str, *checked(_KIND, "a kind such as 'Deployment'")]
ResourceName = Annotated[
    str,
    *checked(
        rf"{_PLURAL}(\.{_SUBDOMAIN})?",
        "a plural and its group such as 'deployments.apps' or 'pods'",
    ),
]
AnnotationName = Annotated[
    str, *checked(_QUALIFIED, "the name of an annotation such as 'example.com/team'")
]
Host = Annotated[str, AfterValidator(_host)]
Url = Annotated[str, AfterValidator(check_url)]
ProxyUrl = Annotated[str, AfterValidator(_proxy)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderText = Annotated[str, AfterValidator(_header_text)]
FilePath = Annotated[Path, AfterValidator(_resolved)]
"""A path; `~` is the home folder, relative to the folder of the document."""

StatePath = Annotated[Path, AfterValidator(_in_state_folder)]
"""A `FilePath` that follows XDG_STATE_HOME when it lies in the state folder."""

Count = Annotated[int, Strict(), Field(ge=1)]
"""A whole number, 1 or more."""
