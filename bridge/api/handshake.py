"""Where a receiver agrees later: the callback of the webhook handshake.

Open to anybody, for a receiver has no token of ours: the key in the path is what it
knows ("HTTP 1.1 Web Hooks for Event Delivery" 1.0.2, 4.1.3).
"""

from fastapi import APIRouter, HTTPException, Request, status

from bridge.api.context import NOT_FOUND, REFUSALS, PartsGiven
from bridge.api.models import ApiModel

router = APIRouter(
    prefix="/api/v1/handshakes",
    tags=["handshakes"],
    responses=NOT_FOUND | {code: REFUSALS[code] for code in (413, 422)},
)


class Consented(ApiModel):
    """What came of a call back."""

    consented: bool
    """Whether the receiver gets events from now on."""


_NOTHING = "no such handshake, or no consent"
"""The one answer to all that is not consent, so that it tells nothing apart."""


@router.get("/{sink}/{key}", summary="Agree to events")
async def open_handshake(
    parts: PartsGiven, request: Request, sink: str, key: str
) -> Consented:
    """Take the consent of a receiver, as from whoever follows the link."""
    return _take(parts, request, sink, key)


@router.post("/{sink}/{key}", summary="Agree to events, by program")
async def grant_handshake(
    parts: PartsGiven, request: Request, sink: str, key: str
) -> Consented:
    """Take the consent of a receiver; `WebHook-Allowed-Rate` may come with it."""
    return _take(parts, request, sink, key)


def _take(parts: PartsGiven, request: Request, sink: str, key: str) -> Consented:
    if not parts.take_consent(sink, key, request.headers):
        raise HTTPException(status.HTTP_404_NOT_FOUND, _NOTHING)
    return Consented(consented=True)
