"""Context of a change: the object before it, and the object that an Event is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from bridge.cluster import Owner


@dataclass(frozen=True, slots=True, kw_only=True)
class InvolvedObject:
    """The object that a Kubernetes Event is about, as far as a source asks for it.

    Attributes:
        labels: Its labels.
        annotations: Those of its annotations that are asked for.
        owner: The top of its chain of controllers; None: nothing controls it.
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    owner: Owner | None = None


class ChangeContext(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Facts that an event reports beside the change itself.

    Attributes:
        previous: The object as it was before, as raw JSON; None: there was none.
        with_previous: Whether `data` is ``{"object": ..., "previous": ...}``.
        changed_paths: Where the object differs from what it was, see
            `bridge.events.compare`; None: it was not compared.
        concerned: The object that a Kubernetes Event is about; None: not known or not
            configured.
        resync: The number of the resync that repeats the object, from 1; 0: this is a
            change.
    """

    previous: bytes | None = None
    with_previous: bool = False
    changed_paths: tuple[str, ...] | None = None
    concerned: InvolvedObject | None = None
    resync: int = 0
