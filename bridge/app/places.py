"""Where a backfill goes on: in which scope, and on which page of its list.

A place is a text that a client gives back: the key of a scope and a continue token.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from bridge.cluster import Resource
from bridge.cluster.client import ListPage
from bridge.ingest import Source
from bridge.queue import Scope


class BackfillPosition(NamedTuple):
    """A scope that a source of the sink reads."""

    resource: Resource
    scope: Scope
    sources: tuple[Source, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """Where it stands among all."""
        scope = self.scope
        return (
            scope.resource,
            scope.namespace,
            scope.field_selector,
            scope.label_selector,
        )


def place_after(
    spots: Sequence[BackfillPosition], spot: BackfillPosition, page: ListPage
) -> str | None:
    """Return where to go on: on the next page, else at the next scope."""
    if page.continue_token:
        return _write(spot.key, page.continue_token)
    later = [one.key for one in spots if one.key > spot.key]
    return _write(later[0], "") if later else None


def resume(
    spots: Sequence[BackfillPosition], place: str | None
) -> tuple[BackfillPosition | None, str]:
    """Return where to list, and the token to go on with."""
    key, token = _read(place)
    for spot in spots:
        if spot.key >= key:
            return spot, token if spot.key == key else ""
    return None, ""


def _write(key: tuple[str, ...], token: str) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([*key, token])).decode()


def _read(place: str | None) -> tuple[tuple[str, ...], str]:
    """Return the scope and the token; what is none of ours is the beginning."""
    try:
        *key, token = msgspec.json.decode(
            base64.urlsafe_b64decode(place or ""), type=list[str]
        )
    except (binascii.Error, msgspec.MsgspecError, ValueError):
        return (), ""
    return tuple(key), token
