"""What several tests of sinks need: an event, and a clock that runs fast."""

from bridge.events import CloudEvent
from bridge.events.encode import encode


def event(number=1, data=b'{"a":1}'):
    """Return an event, encoded."""
    return encode(
        CloudEvent(
            id=f"id-{number}",
            source="kubernetes://prod",
            type="io.kubebridge.event.warning.v1",
            subject="shop/Pod/w\u00e9b",
            extensions={"count": 3},
            data=data,
        )
    )


class Clock:
    """Every look is a minute later."""

    def __init__(self):
        self.seconds = 0.0

    def __call__(self):
        """Return the seconds."""
        self.seconds += 60
        return self.seconds
