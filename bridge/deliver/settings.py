"""Settings of deliveries: retry, circuit breaker, rate limits, batches, order."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Strict,
    Tag,
    WithJsonSchema,
    model_validator,
)

from bridge.queue import Ordering
from bridge.settings.model import Model, fault, mismatch, written
from bridge.settings.units import (
    PositiveDuration,
    format_duration,
    more_than_nothing,
    parse_duration,
)
from bridge.settings.values import Count, Name
from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.settings import AnySinkConfig

_ISO = (
    r"P(?=.)(?:([0-9]+)D)?"
    r"(?:T(?=.)(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+(?:\.[0-9]+)?)S)?)?"
)
_ISO_SECONDS = (86_400, 3_600, 60, 1)
_LONGEST_ASKED_SECONDS = 3600.0


def parse_any_duration(text: object) -> float:
    """Return the seconds that ``1h30m`` or, by ISO 8601, ``PT1H30M`` means."""
    match = re.fullmatch(_ISO, text) if isinstance(text, str) else None
    if match is not None:
        parts = zip(match.groups(), _ISO_SECONDS, strict=True)
        return sum(float(number or 0) * seconds for number, seconds in parts)
    try:
        return parse_duration(text)
    except ValueError:
        raise mismatch("expected a duration such as '500ms' or 'PT0.5S'") from None


def _at_most_an_hour(seconds: float) -> float:
    if seconds > _LONGEST_ASKED_SECONDS:
        raise mismatch("expected at most an hour")
    return seconds


AnyDuration = Annotated[
    float,
    BeforeValidator(parse_any_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": r"^(P[0-9DTHMS.]+|([0-9.]+(ms|s|m|h|d))+)$"}
    ),
]
"""Seconds; written ``500ms`` or as ISO 8601 has it, ``PT0.5S``."""

RetryAfter = Annotated[AnyDuration, AfterValidator(_at_most_an_hour)]


_OURS = ("min", "max", "age", "attempts")
_KNATIVES = ("retry", "backoffPolicy", "backoffDelay", "timeout")
"""Keys that say in whose words a mapping is written."""


class RetryConfig(Model):
    """When a failed delivery is tried again, and when it is given up.

    It is given up, and becomes a dead letter, once it is both older than `age` and
    was tried `attempts` times.
    """

    min: PositiveDuration = written("1s")
    """Most that the first wait may last; it doubles with each attempt. Waits are
    random between nothing and that (full jitter), so that sinks that come back are
    not hit by all at once."""

    max: PositiveDuration = written("10m")
    """Most that any wait may last: a sink that is back is noticed within 10
    minutes."""

    age: PositiveDuration = written("72h")
    """How long a delivery is tried, from its first attempt, counting only time in
    which the sink could be tried: 72 hours outlast a weekend."""

    attempts: Count = 8
    """Fewest attempts before a delivery is given up, however old it is."""

    retry_after_max: RetryAfter = written("1h")
    """Longest that the sink may ask to be left alone with Retry-After; what it asks
    for beyond that is cut. At most an hour."""

    @model_validator(mode="after")
    def _grows(self) -> Self:
        if self.min > self.max:
            raise fault("expected min to be at most max")
        return self


class KnativeRetryConfig(Model):
    """The same in Knative's words: exact waits without jitter, an end by count.

    Its keys are those of a `DeliverySpec` (`spec.delivery` of a Broker or Trigger).
    """

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [key]} for key in _KNATIVES]}
    )

    retry: Annotated[int, Strict(), Field(ge=0)] = 10
    """Attempts after the first; then it is given up. 10 is what a Broker has."""

    backoff_policy: Literal["linear", "exponential"] = "exponential"
    """With n for the retries already made, `linear` waits n times `backoffDelay`,
    `exponential` 2^n times."""

    backoff_delay: AnyDuration = written("PT0.2S")
    """What waits grow by; 0.2 s is what a Broker has."""

    timeout: Annotated[AnyDuration, AfterValidator(more_than_nothing)] | None = None
    """As `timeout` of the sink, and instead of it; null: that one holds."""

    retry_after_max: RetryAfter = written("1h")
    """Longest that the sink may ask to be left alone with Retry-After; `PT0S`: what
    it asks for is not heeded. At most an hour."""


def _in_whose_words(value: Any) -> str:
    if isinstance(value, KnativeRetryConfig):
        return "<knative>"
    keys = set(value) if isinstance(value, dict) else set()
    return "<knative>" if keys.intersection(_KNATIVES) else "<ours>"


def _not_mixed(value: object) -> object:
    keys = set(value) if isinstance(value, dict) else set()
    if "deadLetterSink" in keys:
        raise fault("expected deadLetterSink beside retry, got it in retry")
    ours, knatives = keys.intersection(_OURS), keys.intersection(_KNATIVES)
    if ours and knatives:
        got = f"got '{min(ours)}' beside '{min(knatives)}'"
        raise fault(
            "expected either min, max, age and attempts or Knative's retry, "
            f"backoffPolicy and backoffDelay, {got}"
        )
    return value


AnyRetryConfig = Annotated[
    Annotated[RetryConfig, Tag("<ours>")]
    | Annotated[KnativeRetryConfig, Tag("<knative>")],
    Discriminator(_in_whose_words),
    BeforeValidator(_not_mixed),
]
"""One of two ways to say it, told apart by their keys."""


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


class DeliveryConfig(Model):
    """What all sinks share."""

    concurrency: Count | None = None
    """Most requests in flight to all sinks together, of which one is always reserved
    for each sink; null: each sink's own `concurrency` is the only bound."""


class SenderConfig(Model):
    """The keys of a sink about its deliveries."""

    retry: AnyRetryConfig = written({})
    """When a failed delivery is tried again: in our words, or in Knative's."""

    breaker: AnyBreakerConfig | None = None
    """When a sink that fails is left alone. null: as `{}` says, but off beside
    Knative's words in `retry`, which promise exact times."""

    rate: RateConfig | None = None
    """Most requests that it gets; null: no limit but the receiver's own."""

    ordering: Ordering | None = None
    """Which deliveries may overtake each other: any; only those about different
    objects; none, and then one is in flight at a time. null: `object` for a sink that
    gets changes of resources, of which the last one has to win; `none` for one that
    gets Kubernetes Events alone, each of which is news by itself."""

    dead_letter_sink: Name | None = None
    """Name of another sink that gets what is given up here, with `knativeerrordest`,
    `knativeerrorcode` and `knativeerrordata`; null: it stays a dead letter."""

    max_backlog: Count | None = None
    """Most deliveries that may wait for this sink; null: only `queue.maxSize`
    counts."""

    on_full: Literal["block", "dead-letter-oldest"] = "block"
    """What happens at `maxBacklog`: reading stops until there is room, or the oldest
    waiting delivery becomes a dead letter. To block loses nothing, so it is the
    default."""

    def timeout_or(self, default: float) -> float:
        """Return the seconds that an attempt may take: as `retry` says, else others."""
        if not isinstance(self.retry, KnativeRetryConfig):
            return default
        return default if self.retry.timeout is None else self.retry.timeout

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


class HttpSinkConfig(HttpConfig, SenderConfig):
    """A webhook: each event is POSTed to a URL."""


class StdoutSinkConfig(AnySinkConfig, SenderConfig):
    """One line of JSON for each event, on standard output."""

    type: Literal["stdout"]
    """Kind of sink."""


def _sink_type(value: object) -> str:
    written = value.get("type") if isinstance(value, dict) else None
    is_stdout = written == "stdout" or isinstance(value, StdoutSinkConfig)
    return "<stdout>" if is_stdout else "<http>"


SinkConfig = Annotated[
    Annotated[HttpSinkConfig, Tag("<http>")]
    | Annotated[StdoutSinkConfig, Tag("<stdout>")],
    Discriminator(_sink_type),
]
"""One of the kinds of sinks, told apart by `type`."""
