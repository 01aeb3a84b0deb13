"""Measures what it costs to render one event in each format, in one process."""

import json
import statistics
import sys
import time
from typing import Any, Final

from yarl import URL

from bench.rows import Figures
from bridge.config import parse_config
from bridge.events import EncodedEvent
from bridge.events.encode import decode, encode
from bridge.sinks.formats import Format
from bridge.sinks.formats.named import named_format
from bridge.sinks.http.classify import ResponseClassifier
from tests.unit.sinks.formats.samples import sample

ROUNDS: Final = 9
"""Rounds, of which the median is reported."""

EVENTS: Final = 2_000
"""Events of one round."""

_URL: Final = URL("https://receiver.example/hook")
_FORMATS: Final[dict[str, Any]] = {
    **{
        name: name
        for name in (
            *("slack", "teams", "discord", "google-chat", "opsgenie", "alertmanager"),
            *("grafana", "datadog", "loki", "elasticsearch", "splunk", "otlp", "lines"),
        )
    },
    "pagerduty": {"type": "pagerduty", "routingKey": {"env": "PATH"}},
    "template": {
        "type": "template",
        "body": {
            "title": "{{ object.reason }} on {{ event.subject }}",
            "count": "{{ object.count }}",
            "node": "{{ object.source.host or omit }}",
            "urgent": "{{ object.count > 10 and object.type == 'Warning' }}",
            "message": "{{ object.message }}",
            "since": "{{ object.firstTimestamp }}",
        },
    },
}


def formats() -> Figures:
    """Return the CPU time of each event in µs, and its ratio to structured.

    Structured is the encoding of the event, which is done once for all sinks. A format
    that carries many events in one request is given as many as it takes.
    """
    plain = statistics.median(_encoding() for _ in range(ROUNDS))
    figures = {"structured_us": plain}
    for name, settings in _FORMATS.items():
        spent = _microseconds(_build(settings))
        figures |= {f"{name}_us": spent, f"{name}_ratio": spent / plain}
    return figures


def _encoding() -> float:
    """Return the CPU time of encoding an event, in µs."""
    event = decode(sample())
    start = time.process_time()
    for _ in range(EVENTS):
        encode(event)
    return (time.process_time() - start) / EVENTS * 1e6


def _build(settings: Any) -> Format:
    sink = {"name": "hook", "url": str(_URL), "format": settings}
    config = parse_config(json.dumps({"sinks": [sink]}), name="bench", env={})
    return named_format(config.sinks[0].format, ResponseClassifier("hook"), sink="hook")


def _microseconds(one: Format) -> float:
    events = [sample(number) for number in range(EVENTS)]
    return statistics.median(_round(one, events) for _ in range(ROUNDS))


def _round(one: Format, events: list[EncodedEvent]) -> float:
    """Return the CPU time of each event, in µs."""
    size = one.max_batch
    batches = [events[first : first + size] for first in range(0, len(events), size)]
    start = time.process_time()
    for batch in batches:
        one.render(_URL, batch)
    return (time.process_time() - start) / len(events) * 1e6


if __name__ == "__main__":
    json.dump(formats(), sys.stdout, indent=1)
