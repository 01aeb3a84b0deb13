"""Checks attributes and data by CloudEvents 1.0.2; each check names the fault.

Checks of values that seldom differ between events remember what they have passed.
"""

import re
from datetime import UTC, date, datetime
from functools import lru_cache

import msgspec

from bridge.errors import InvalidEventError

CORE_ATTRIBUTES = frozenset(
    {
        "specversion",
        "id",
        "source",
        "type",
        "subject",
        "time",
        "datacontenttype",
        "dataschema",
    }
)
"""Names that the specification gives a meaning; no extension may take one."""

NOT_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""Errors of a decoder: no JSON, not UTF-8, or nested too deeply."""

_INTEGERS = range(-(2**31), 2**31)
_NAME = re.compile(r"[a-z0-9]+")
_json = msgspec.json.Decoder(msgspec.Raw).decode

_CONTROLS = bytes([*range(0x20), 0x7F])
_PLANES = [plane << 16 for plane in range(17)]
_NONCHARACTERS = "".join(chr(p | 0xFFFE) + chr(p | 0xFFFF) for p in _PLANES)
_FORBIDDEN = re.compile(
    rf"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef{_NONCHARACTERS}]"
)

_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
    r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - the grammar's word, no secret
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_JSON_TYPE = re.compile(
    rf"{_TOKEN}/(?:{_TOKEN}\+)?json(?: *; *{_TOKEN}=(?:{_TOKEN}|{_QUOTED}))*",
    re.ASCII | re.IGNORECASE,
)

_SCHEME = re.compile("[A-Za-z][A-Za-z0-9+.-]*:")
_PERCENT = "%[0-9A-Fa-f]{2}"
_PATH_CHARACTER = rf"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|{_PERCENT})"
_AUTHORITY = (
    rf"(?:(?:[A-Za-z0-9._~!$&'()*+,;=:-]|{_PERCENT})*@)?"
    rf"(?:\[[0-9A-Fa-f:.]+\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|{_PERCENT})*)(?::[0-9]*)?"
)
_URI_REFERENCE = re.compile(
    rf"(?:{_SCHEME.pattern}|(?![^/?#]*:))"  # a scheme, or no colon in the way
    rf"(?://{_AUTHORITY}(?:/{_PATH_CHARACTER}*)*|(?!//)(?:{_PATH_CHARACTER}|/)*)"
    rf"(?:\?(?:{_PATH_CHARACTER}|[/?])*)?(?:#(?:{_PATH_CHARACTER}|[/?])*)?"
)


def is_attribute_name(name: str) -> bool:
    """Return whether an attribute may be called so (core, "Naming Conventions")."""
    return _NAME.fullmatch(name) is not None and name != "data"


@lru_cache(maxsize=1024)
def check_extension_names(names: tuple[str, ...]) -> None:
    """Refuse names that no extension may have.

    Raises:
        InvalidEventError: One is not of ``[a-z0-9]``, or taken by the specification.
    """
    for name in names:
        if not is_attribute_name(name):
            raise InvalidEventError(
                f"attribute {name!r}: expected a name of a-z and 0-9 other than 'data'"
            )
        if name in CORE_ATTRIBUTES:
            raise InvalidEventError(
                f"attribute {name!r}: expected an extension, got a core attribute"
            )


def check_extension_type(name: str, value: object) -> None:
    """Refuse any value but a String, Boolean or 32-bit Integer (core, "Type System").

    Raises:
        InvalidEventError: It has another type, or the integer is too large.
    """
    kind = value.__class__
    if kind is int and value not in _INTEGERS:
        raise InvalidEventError(
            f"attribute {name!r}: expected a signed 32-bit integer, got {value}"
        )
    if kind not in {str, int, bool}:
        raise InvalidEventError(
            f"attribute {name!r}: expected str, int or bool, got {kind.__name__}"
        )


def is_plain(text: str) -> bool:
    """Return whether a text is all printable ASCII, as nearly every one is."""
    octets = text.encode("utf-8", "surrogatepass")
    # Twice as fast as str.isprintable.
    return len(octets) == len(text) == len(octets.translate(None, _CONTROLS))


def check_text(name: str, value: str) -> None:
    """Refuse characters that a String may not contain (core, "Type System").

    Raises:
        InvalidEventError: It has a control character, noncharacter or lone surrogate.
    """
    found = _FORBIDDEN.search(value)
    if found:
        raise InvalidEventError(
            f"attribute {name!r}: expected text without control characters, "
            f"noncharacters and surrogates, got {found.group()!a} at {found.start()}"
        )


@lru_cache(maxsize=256)
def check_source(source: str) -> None:
    """Refuse a source that is not a URI-reference (RFC 3986, 4.1).

    Raises:
        InvalidEventError: It is empty or breaks the grammar.
    """
    if not source or not _URI_REFERENCE.fullmatch(source):
        raise InvalidEventError(
            f"attribute 'source': expected a URI-reference, got {source!r}"
        )


@lru_cache(maxsize=256)
def check_schema(dataschema: str) -> None:
    """Refuse a schema that is not an absolute URI (RFC 3986, 4.3).

    Raises:
        InvalidEventError: It has no scheme, has a fragment or breaks the grammar.
    """
    found = _URI_REFERENCE.fullmatch(dataschema)
    if not found or not _SCHEME.match(dataschema) or "#" in dataschema:
        raise InvalidEventError(
            f"attribute 'dataschema': expected an absolute URI, got {dataschema!r}"
        )


@lru_cache(maxsize=256)
def check_json_type(media_type: str) -> None:
    """Refuse a media type other than JSON (RFC 2046; CloudEvents JSON format 3.1).

    Raises:
        InvalidEventError: It is no media type, or none of JSON.
    """
    if not _JSON_TYPE.fullmatch(media_type):
        raise InvalidEventError(
            "attribute 'datacontenttype': expected a media type ending in /json or "
            f"+json, got {media_type!r}"
        )


@lru_cache(maxsize=4096)
def check_time(time: str) -> None:
    """Refuse a time that is not a timestamp (RFC 3339, 5.6); second 60 is allowed.

    Raises:
        InvalidEventError: It breaks the grammar, or there is no such day.
    """
    found = _TIME.fullmatch(time)
    try:
        is_time = found and date(*(int(part) for part in found.groups()))
    except ValueError:
        is_time = None
    if not is_time:
        raise InvalidEventError(
            f"attribute 'time': expected an RFC 3339 timestamp, got {time!r}"
        )


def check_json(data: bytes) -> None:
    """Refuse data that is not JSON in UTF-8 (RFC 8259).

    Raises:
        InvalidEventError: It is not, or it is nested too deeply to be read.
    """
    try:
        _json(data)
    except NOT_JSON as error:
        raise InvalidEventError(f"data: expected JSON in UTF-8: {error}") from error
    check_utf8(data)


def check_utf8(data: bytes) -> None:
    """Refuse JSON that is not UTF-8: the decoder leaves the inside of strings unread.

    Raises:
        InvalidEventError: It is not.
    """
    try:
        data.isascii() or data.decode()
    except UnicodeDecodeError as error:
        raise InvalidEventError(f"data: expected JSON in UTF-8: {error}") from error


def canonical(value: str | int | bool) -> str:
    """Return the canonical text of a value, for headers and filters (core, "Types").

    Both know text only.
    """
    if isinstance(value, str):
        return value
    if value.__class__ is bool:
        return "true" if value else "false"
    return str(value)


def timestamp(moment: datetime) -> str:
    """Return an aware datetime as an RFC 3339 timestamp in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
