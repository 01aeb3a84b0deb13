"""Settings of routing tests: an item of `tests` of the configuration."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from bridge.settings.model import Model, fault
from bridge.settings.values import Name


class ExpectConfig(Model):
    """Where an event goes, and what is sent there."""

    sinks: tuple[Name, ...]
    """Names of exactly the sinks that get the event, in any order; empty: none."""

    bodies: dict[Name, Any] = Field(default_factory=dict)
    """Bodies of the requests of some of these sinks. Of a mapping the keys that are
    written here are compared, all else is compared whole; a body that is not JSON is
    one text."""

    @model_validator(mode="after")
    def _has_bodies_of_its_sinks(self) -> Self:
        if others := sorted(set(self.bodies) - set(self.sinks)):
            raise fault(f"expected bodies of its sinks, got one of '{others[0]}'")
        return self


class RoutingTestConfig(Model):
    """An event, and what becomes of it; run by `kubebridge test`."""

    name: Annotated[str, Field(min_length=1)]
    """Says what is tested."""

    event: dict[str, Any]
    """A CloudEvent (with `specversion`), or a Kubernetes Event; `metadata` may be left
    out. `involvedObject.labels` are the labels that routes select by."""

    expect: ExpectConfig
    """What becomes of it."""
