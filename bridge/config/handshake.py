"""Asking a receiver before it gets any events: the model of `handshake`."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, model_validator

from bridge.settings.model import Model, fault, written
from bridge.settings.units import PositiveDuration
from bridge.settings.values import ClusterName, Count, Url


def _plain_https(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https":
        raise fault(f"expected an https URL, got scheme '{parts.scheme}'")
    if parts.username is not None or parts.query or parts.fragment:
        raise fault("expected a URL without user, query and fragment")
    return url


class HandshakeConfig(Model):
    """Whether a receiver is asked before it gets any events.

    "HTTP 1.1 Web Hooks for Event Delivery" 1.0.2, 4: abuse protection.
    """

    mode: Literal["require", "slow", "off"] = "off"
    """`require`: nothing is sent without its consent, the sink is paused; `slow`:
    without it one request a minute is sent; `off`: it is not asked. Few receivers
    know this handshake, so off is the default."""

    origin: ClusterName | None = None
    """DNS name of the system that sends, the same for all its hosts and pods; needed
    unless mode is off."""

    rate: Count | None = None
    """Requests per minute that are asked for; null: no limit is asked for. What the
    receiver answers counts."""

    callback: Annotated[Url, AfterValidator(_plain_https)] | None = None
    """Where this process's API is reached from outside, for receivers that agree
    later; https. null: they have to answer at once."""

    ttl: PositiveDuration = written("24h")
    """How long consent counts before the receiver is asked again: a day, so that one
    that changed its mind is noticed."""

    @model_validator(mode="after")
    def _says_who_asks(self) -> Self:
        if self.mode != "off" and self.origin is None:
            raise fault(f"expected an origin beside mode: {self.mode}, got none")
        return self
