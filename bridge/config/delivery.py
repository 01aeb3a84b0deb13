"""How deliveries are tried, held back and given up: the models for loop B."""

from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    Strict,
    Tag,
    model_validator,
)

from bridge.deliver.settings import AnyRetryConfig, KnativeRetryConfig
from bridge.settings.model import Model, fault, mismatch, written
from bridge.settings.units import Duration, PositiveDuration, PositiveSize
from bridge.settings.values import Count, Name


class BreakerConfig(Model):
    """When a sink that fails is left alone, and for how long.

    Only the sink's failures count, not events that it refuses.
    """

    failures: Annotated[int, Strict(), Field(ge=1, le=100)] = 70
    """Least share of the attempts in the window that must have failed, in percent."""

    attempts: Count = 10
    """Least attempts in the window: two failures of three say little."""

    window: PositiveDuration = written("60s")
    """How far back it looks."""

    min: PositiveDuration = written("2s")
    """How long nothing is tried at first; that doubles while the trial of a single
    delivery afterwards fails."""

    max: PositiveDuration = written("60s")
    """Longest that nothing is tried: a sink that is back is noticed within a minute, as
    a paused one is, and a trial is a single request."""

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.min > self.max:
            raise fault("expected min to be at most max")
        return self


def _is_settings(value: object) -> str:
    return "<settings>" if isinstance(value, dict | BreakerConfig) else "<off>"


def _is_off(value: object) -> object:
    if value != "off":
        raise mismatch("expected 'off' or a mapping")
    return value


AnyBreakerConfig = Annotated[
    Annotated[BreakerConfig, Tag("<settings>")]
    | Annotated[Literal["off"], BeforeValidator(_is_off), Tag("<off>")],
    Discriminator(_is_settings),
]
"""A breaker, or none."""


class RateConfig(Model):
    """Most requests that a sink gets; a batch is one request. The lower limit wins."""

    per_second: Count | None = None
    """Most in any second; null: no limit."""

    per_minute: Count | None = None
    """Most in any minute; null: no limit."""

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.per_second is None and self.per_minute is None:
            raise fault("expected perSecond or perMinute, got neither")
        return self


class BatchConfig(Model):
    """What one POST carries in mode batch."""

    size: Count = 50
    """Most events: past 50 a larger batch saves little."""

    bytes: PositiveSize = written("1MiB")
    """Most bytes of the body: many receivers take 1 MiB; one event that is larger
    goes alone."""

    linger: Duration = written("0s")
    """How long an event may wait for others to fill the batch. Under load batches
    fill without waiting, so by default none does."""


class DeliveryConfig(Model):
    """What all sinks share."""

    concurrency: Count | None = None
    """Most requests in flight to all sinks together, of which one is always reserved
    for each sink; null: each sink's own `concurrency` is the only bound."""


class DeliveredConfig(Model):
    """The keys of a sink about its deliveries."""

    retry: AnyRetryConfig = written({})
    """When a failed delivery is tried again: in our words, or in Knative's."""

    breaker: AnyBreakerConfig | None = None
    """When a sink that fails is left alone. null: as `{}` says, but off beside
    Knative's words in `retry`, which promise exact times."""

    rate: RateConfig | None = None
    """Most requests that it gets; null: no limit but the receiver's own."""

    ordering: Literal["none", "object", "sink"] | None = None
    """Which deliveries may overtake each other: any; only those about different
    objects; none, and then one is in flight at a time. null: `object` for a sink that
    gets changes of resources, of which the last one has to win; `none` for one that
    gets Kubernetes Events alone, each of which is news by itself."""

    dead_letter_sink: Name | None = None
    """Name of another sink that gets what is given up here, with `knativeerrordest`,
    `knativeerrorcode` and `knativeerrordata`; null: it stays a dead letter."""

    @property
    def breaker_in_force(self) -> BreakerConfig | None:
        """The breaker that is written or goes without saying; None: there is none."""
        breaker = self.breaker
        if breaker is None and not isinstance(self.retry, KnativeRetryConfig):
            breaker = BreakerConfig()
        return breaker if isinstance(breaker, BreakerConfig) else None

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if not isinstance(self.retry, KnativeRetryConfig):
            return self
        if "timeout" in self.model_fields_set and self.retry.timeout is not None:
            raise fault("expected timeout once, got one in retry as well")
        return self
