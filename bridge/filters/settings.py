"""Settings of routes: an item of `routes` of the configuration."""

from typing import Any, Self

from pydantic import model_validator

from bridge.filters.noise.settings import DedupConfig, ThrottleConfig
from bridge.settings.model import Model, fault
from bridge.settings.units import PositiveDuration
from bridge.settings.values import Count, Name


class RouteConfig(Model):
    """A way from sources through filters to sinks."""

    name: Name
    """Name in metrics and the API."""

    sources: tuple[Name, ...] | None = None
    """Names of the sources whose events it takes; null: all."""

    filters: tuple[dict[str, Any], ...] = ()
    """Filters that an event has to pass, all of them (CloudEvents Subscriptions API
    0.1, 3.2.4); empty: every event does."""

    labels: str = ""
    """Kubernetes label selector, e.g. `app=shop,tier in (web, api)`, for the labels of
    the object, or of the one that a Kubernetes Event is about, which is then looked
    up; empty: any."""

    min_count: Count | None = None
    """Kubernetes Events are held back until they were counted so often (attribute
    `count`); events without a count go through. null: all go through."""

    dedup: DedupConfig | None = None
    """Holds back repeats for a while, e.g. `{}` or `{window: 1h}`; null: none."""

    throttle: ThrottleConfig | None = None
    """Holds back what is more than a number in a window, after `dedup`; null: none."""

    digest: PositiveDuration | None = None
    """How long to gather what `dedup` and `throttle` hold back, e.g. `5m`, until one
    event sums it up for the route's sinks; null: it is only counted."""

    sinks: tuple[Name, ...] | None = None
    """Names of the sinks that get them; null: all."""

    @model_validator(mode="after")
    def _has_something_to_tell(self) -> Self:
        if self.digest is not None and self.dedup is None and self.throttle is None:
            raise fault("expected dedup or throttle beside digest, got neither")
        return self
