"""What a client asked the API server, by kind, so that a test can count it."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlsplit

Kind = Literal["list", "list-exact", "watch", "watchlist", "other"]
"""``list-exact``: the state at one version, as probes and repairs ask for it.
``watchlist``: a watch that begins with all that is there. ``other``: discovery, single
objects, access reviews and all that writes."""

_COLLECTION = re.compile(
    r"^/(?:api|apis/[^/]+)/v[^/]+(?:/namespaces/[^/]+)?/(?P<plural>[^/]+)$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, as the proxy met it.

    Attributes:
        kind: What sort of question it is.
        method: `GET` and so on.
        path: Without the query.
        query: The last value of each parameter.
    """

    kind: Kind
    method: str
    path: str
    query: Mapping[str, str]

    @property
    def plural(self) -> str:
        """Which collection it asks for, e.g. `events`; empty: none."""
        found = _COLLECTION.match(self.path)
        return found["plural"] if found else ""

    @property
    def is_watch(self) -> bool:
        """Whether it stays open."""
        return self.kind in {"watch", "watchlist"}

    @property
    def is_whole(self) -> bool:
        """Whether it begins to list objects, and not just to look at the version."""
        is_list = self.kind in {"list", "list-exact", "watchlist"}
        is_look = self.query.get("limit") == "1"
        return is_list and not is_look and "continue" not in self.query


def read_request(method: str, target: str) -> Request:
    """Return what the first line of a request asks for."""
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(
        kind=_kind(method, parts.path, query),
        method=method,
        path=parts.path,
        query=query,
    )


def count(requests: Iterable[Request]) -> Counter[Kind]:
    """Return how many requests there are of each kind."""
    return Counter(request.kind for request in requests)


def _kind(method: str, path: str, query: Mapping[str, str]) -> Kind:
    if method != "GET" or not _COLLECTION.match(path):
        return "other"
    if query.get("watch") in {"true", "1"}:
        return "watchlist" if query.get("sendInitialEvents") == "true" else "watch"
    return "list-exact" if query.get("resourceVersionMatch") == "Exact" else "list"
