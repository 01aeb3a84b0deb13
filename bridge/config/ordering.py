"""Which order a sink asks for: what is written, else what its sources need.

Of a resource the last change has to win: a receiver that gets a deletion before the
modification that preceded it keeps an object that is gone. Each Kubernetes Event is
news by itself, so they may go side by side.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from bridge.config.models import Config

Ordering = Literal["none", "object", "sink"]


def orderings_of(config: Config) -> Mapping[str, Ordering]:
    """Return the order that each sink asks for, by its name."""
    changed = _with_changes(config)
    return {
        sink.name: sink.ordering or ("object" if sink.name in changed else "none")
        for sink in config.sinks
    }


def explain_orderings(config: Config) -> Iterator[str]:
    """Yield a line for each sink: its order, and why it is that."""
    changed = _with_changes(config)
    for sink in config.sinks:
        if sink.ordering is not None:
            why = f"{sink.ordering}, as configured"
        elif sink.name in changed:
            why = f"object, for source {changed[sink.name]} brings changes of resources"
        else:
            why = "none, for it gets Kubernetes Events alone"
        yield f"ordering of sink {sink.name}: {why}"


def _with_changes(config: Config) -> dict[str, str]:
    """Return the sinks that get changes of resources, and a source of these."""
    sources = {
        source.name: None for source in config.sources if not source.target.is_events
    }
    everywhere = [sink.name for sink in config.sinks]
    if not config.routes:
        return {sink: source for source in list(sources)[:1] for sink in everywhere}
    found: dict[str, str] = {}
    for route in config.routes:
        taken = sources if route.sources is None else route.sources
        source = next((one for one in taken if one in sources), None)
        if source is not None:
            for sink in everywhere if route.sinks is None else route.sinks:
                found.setdefault(sink, source)
        if len(found) == len(everywhere):
            break  # thousands of routes to thousands of sinks say no more
    return found
