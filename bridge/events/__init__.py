"""CONVERT: one Change becomes one CloudEvent, and that becomes bytes, once.

`convert` makes the event, `encode` writes it down. The bytes are stored, joined for
batches and cut for binary mode, but never written again. `to_sdk` and `from_sdk` lead
to the class of the `cloudevents` SDK and back.
"""

from bridge.events.cloudevent import CloudEvent, EncodedEvent
from bridge.events.sdk import from_sdk, to_sdk

__all__ = ["CloudEvent", "EncodedEvent", "from_sdk", "to_sdk"]
