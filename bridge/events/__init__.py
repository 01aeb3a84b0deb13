"""CONVERT: one Change becomes one CloudEvent, and that becomes bytes, once.

`convert` makes the event, `encode` writes it down. The bytes are stored, joined for
batches and cut for binary mode, but never written again.
"""

from bridge.events.cloudevent import CloudEvent, EncodedEvent

__all__ = ["CloudEvent", "EncodedEvent"]
