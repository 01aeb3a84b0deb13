"""Inject faults into requests: refusals, cut streams, ends.

Faults are set from Python, never over HTTP. A verb is one of ``get``, ``list``,
``watch``, ``create``, ``update``, ``patch`` and ``delete``; a resource is a plural
name; ``*`` is any. Discovery and ``/readyz`` are ``get`` of the resource ``""``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bridge.demo.apiserver.watching import OpenWatch

ANY = "*"


@dataclass(slots=True, kw_only=True)
class FaultAnswer:
    """An answer that stands ready instead of the real one."""

    verb: str
    resource: str
    times: int
    """How many requests still get it."""
    status: int
    headers: Mapping[str, str]
    body: bytes


class Faults:
    """The faults that are set at this moment.

    Attributes:
        watches: the open watches.
    """

    def __init__(self, *, wake: Callable[[], None]) -> None:
        """Set no fault; ``wake`` makes open watches look again."""
        self.watches: set[OpenWatch] = set()
        self._answers: list[FaultAnswer] = []
        self._forbidden: set[tuple[str, str]] = set()
        self._cuts: list[int] = []
        self._wake = wake

    def answer(
        self,
        *,
        verb: str = ANY,
        resource: str = ANY,
        times: int = 1,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """Give the next ``times`` requests this answer; for a watch, then end it."""
        self._answers.append(
            FaultAnswer(
                verb=verb,
                resource=resource,
                times=times,
                status=status,
                headers=headers or {"Content-Type": "application/json"},
                body=body,
            )
        )

    def forbid(self, *, verb: str = ANY, resource: str = ANY) -> None:
        """Answer 403, as if the Role lacked this, until `clear`."""
        self._forbidden.add((verb, resource))

    def cut_watch(self, *, after_bytes: int) -> None:
        """Break the connection of the next new watch after so many bytes of body."""
        self._cuts.append(after_bytes)

    def close_watches(self, *, resource: str = ANY) -> None:
        """End the open watches in good order."""
        for watch in self.watches:
            if resource in {ANY, watch.resource.plural}:
                watch.is_open = False
        self._wake()

    def clear(self) -> None:
        """Set no fault any more."""
        self._answers.clear()
        self._forbidden.clear()
        self._cuts.clear()

    def next_answer(self, verb: str, resource: str) -> FaultAnswer | None:
        """Return the answer that stands ready for this request, and count it."""
        for answer in self._answers:
            if answer.times and _matches(
                (answer.verb, answer.resource), verb, resource
            ):
                answer.times -= 1
                return answer
        return None

    def next_cut(self) -> int | None:
        """Return after how many bytes a new watch is to break, and forget it."""
        return self._cuts.pop(0) if self._cuts else None

    def is_forbidden(self, verb: str, resource: str) -> bool:
        """Return whether this request is to get a 403."""
        return _any_matches(self._forbidden, verb, resource)


def _any_matches(rules: Iterable[tuple[str, str]], verb: str, resource: str) -> bool:
    """Return whether one of the rules is about this verb and resource."""
    return any(_matches(rule, verb, resource) for rule in rules)


def _matches(rule: tuple[str, str], verb: str, resource: str) -> bool:
    """Return whether a rule is about this verb and resource."""
    return rule[0] in {ANY, verb} and rule[1] in {ANY, resource}
