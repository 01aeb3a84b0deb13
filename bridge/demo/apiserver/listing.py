"""Lists: which revision is read, and how a page says where the next one begins."""

import base64
from itertools import islice

import msgspec

from bridge.demo.apiserver.routing import EXACT, Options
from bridge.demo.apiserver.selectors import Selector
from bridge.demo.apiserver.status import StatusError
from bridge.demo.apiserver.storage import (
    CompactedError,
    FutureRevisionError,
    ObjectStorage,
)

_LATEST = -1
"""The revision of an inconsistent token: whatever is there when it is used."""


class ContinueToken(msgspec.Struct):
    """Where a list goes on; the same members as in a real one."""

    rv: int
    start: str
    v: str = "meta.k8s.io/v1"

    @property
    def text(self) -> str:
        """The token as clients carry it."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


class ListedPage(msgspec.Struct):
    """A part of a list."""

    bodies: list[bytes]
    revision: int
    token: str
    """Empty if nothing follows."""


def list_page(
    storage: ObjectStorage,
    *,
    table: str,
    prefix: str,
    options: Options,
    chooses: Selector | None,
) -> ListedPage:
    """Return the page that was asked for.

    Raises:
        StatusError: 400 bad token, 410 the revision is compacted, 504 it is to come.
    """
    start = _starting_point(storage, options)
    # One more than fits tells that another page follows.
    most = options.limit + 1 if options.limit else None
    try:
        records = storage.page(
            table, prefix=prefix, start=start.start, revision=start.rv
        )
        chosen = (each for each in records if chooses is None or chooses(each.body))
        found = list(islice(chosen, most))
    except CompactedError:
        raise _expired(start, options) from None
    except FutureRevisionError:
        raise too_large(start.rv, storage.revision) from None
    page = found[: options.limit] if options.limit else found
    follows = len(page) < len(found)
    token = (
        ContinueToken(rv=start.rv, start=page[-1].key + "\0").text if follows else ""
    )
    return ListedPage([record.body for record in page], start.rv, token)


def too_large(wanted: int, current: int) -> StatusError:
    """Return the answer to who asks for a revision that is still to come."""
    text = "Too large resource version"
    return StatusError(
        504,
        f"Timeout: {text}: {wanted}, current: {current}",
        details={"causes": [{"reason": "ResourceVersionTooLarge", "message": text}]},
    )


def _starting_point(storage: ObjectStorage, options: Options) -> ContinueToken:
    """Return the revision and the key to read from."""
    if options.continue_token:
        token = _parse(options.continue_token)
        return (
            ContinueToken(storage.revision, token.start)
            if token.rv == _LATEST
            else token
        )
    wanted = options.resource_version
    # A limit without a match means an exact revision too, if one is given.
    exact = options.match == EXACT or (options.limit and not options.match)
    if (exact and wanted) or wanted > storage.revision:
        return ContinueToken(wanted, "")
    return ContinueToken(storage.revision, "")


def _parse(text: str) -> ContinueToken:
    """Return a token that came back from a client."""
    try:
        padded = text + "=" * (-len(text) % 4)
        return msgspec.json.decode(base64.urlsafe_b64decode(padded), type=ContinueToken)
    except (ValueError, msgspec.DecodeError) as error:
        raise StatusError(400, f"invalid continue token: {error}") from None


def _expired(start: ContinueToken, options: Options) -> StatusError:
    """Return the answer to who asks for a compacted revision."""
    if not options.continue_token:
        text = "The resourceVersion for the provided list is too old."
        return StatusError(410, text)
    text = "The provided continue parameter is too old to display a consistent list."
    return StatusError(
        410, text, continue_token=ContinueToken(_LATEST, start.start).text
    )
