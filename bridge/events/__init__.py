"""CONVERT: makes a CloudEvent of each Change, and encodes it once.

`convert` makes the event, `encode` its bytes. The bytes are stored, joined for batches
and cut for binary mode, but never encoded again. `bridge.events.sdk` converts to the
class of the `cloudevents` SDK and back, at the edges only.
"""

from bridge.events.cloudevent import CloudEvent, EncodedEvent

__all__ = ["CloudEvent", "EncodedEvent"]
