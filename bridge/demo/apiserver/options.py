"""The query of a list or a watch (API concepts, "Resource versions")."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from bridge.demo.apiserver.status import StatusError, invalid

EXACT, NOT_OLDER_THAN = "Exact", "NotOlderThan"
_MATCH = "resourceVersionMatch"
_NEEDS_MATCH = f"sendInitialEvents requires setting {_MATCH} to {NOT_OLDER_THAN}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a client asked for."""

    label_selector: str
    field_selector: str
    limit: int
    """Most items in a page; 0 is no limit."""
    continue_token: str
    resource_version: int
    """0 if unset: for a list or a watch that is the same, the present."""
    match: str
    """``Exact``, ``NotOlderThan`` or empty."""
    watch: bool
    bookmarks: bool
    send_initial_events: bool | None
    """``None`` if unset."""
    timeout_seconds: int
    """How long a watch lasts; 0 is the server's choice."""


def parse(query: Mapping[str, str]) -> Options:
    """Return the checked options.

    Raises:
        StatusError: 400 for what is no number, 422 for what does not go together.
    """
    initial = query.get("sendInitialEvents")
    options = Options(
        label_selector=query.get("labelSelector", ""),
        field_selector=query.get("fieldSelector", ""),
        limit=_number(query, "limit"),
        continue_token=query.get("continue", ""),
        resource_version=_number(query, "resourceVersion"),
        match=query.get("resourceVersionMatch", ""),
        watch=is_true(query.get("watch")),
        bookmarks=is_true(query.get("allowWatchBookmarks")),
        send_initial_events=None if initial is None else is_true(initial),
        timeout_seconds=_number(query, "timeoutSeconds"),
    )
    causes = dict(_about_watch(options) if options.watch else _about_list(options))
    if causes:
        raise invalid("ListOptions.meta.k8s.io", "", causes)
    return options


def _about_list(options: Options) -> Iterator[tuple[str, str]]:
    """Find what a list must not ask for."""
    if options.send_initial_events is not None:
        yield "sendInitialEvents", "Forbidden: sendInitialEvents is forbidden for list"
    if options.match and options.continue_token:
        yield _MATCH, f"Forbidden: {_MATCH} is forbidden when continue is provided"
    if options.match and not options.resource_version:
        yield (
            _MATCH,
            f"Forbidden: {_MATCH} is forbidden unless resourceVersion is provided",
        )
    if options.match not in {"", EXACT, NOT_OLDER_THAN}:
        yield _MATCH, f"Unsupported value: {options.match!r}"


def _about_watch(options: Options) -> Iterator[tuple[str, str]]:
    """Find what a watch must not ask for."""
    if options.send_initial_events is None and options.match:
        yield _MATCH, f"Forbidden: {_MATCH} needs sendInitialEvents"
    if options.send_initial_events is not None and options.match != NOT_OLDER_THAN:
        yield _MATCH, f"Forbidden: {_NEEDS_MATCH}"


def _number(query: Mapping[str, str], name: str) -> int:
    """Return a number that is not negative, 0 if it is not given."""
    text = query.get(name) or "0"
    if not (text.isascii() and text.isdigit()):
        raise StatusError(400, f"{name}: expected a number, got {text!r}")
    return int(text)


def is_true(text: str | None) -> bool:
    """Tell whether an option is switched on."""
    return text in {"1", "true"}
