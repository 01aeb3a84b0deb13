"""Compares what arrived with what was written. Pure: no server is asked.

The promise that is judged (design 2): every revision inside the history arrives, under
one id; what is beyond the history is covered by a gap event, and even then the state at
the gap's end arrives whole, deletions too.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.e2e.truth import Revision

Event = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hole:
    """What a gap event admits: revisions after `cursor`, up to `snapshot`."""

    cursor: int
    snapshot: int

    def covers(self, revision: Revision) -> bool:
        """Return whether a revision may be missing."""
        return self.cursor < revision.version <= self.snapshot

    def is_needed(self, horizons: Iterable[int]) -> bool:
        """Return whether no revision after a horizon is in it."""
        return any(self.cursor < one and self.snapshot <= one for one in horizons)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong; all empty: nothing is.

    Attributes:
        lost: Revisions that did not arrive though no gap covers them.
        untold: The last revision before the end of a gap, when that did not arrive.
        needless: Gaps that reach further than the history was gone.
        invented: Ids that stand for nothing that was written.
        doubled: Revisions, or deletions of one object, under more than one id.
        mistaken: Ids whose type does not say what happened.
        repeats: How often something arrived again; no fault.
        covered: How many revisions are missing and covered by a gap; no fault.
        holes: The gaps announced; no fault by themselves.
    """

    lost: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    needless: list[str] = field(default_factory=list)
    invented: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    mistaken: list[str] = field(default_factory=list)
    repeats: int = 0
    covered: int = 0
    holes: list[Hole] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, list[str]]:
        """What is wrong, by its name; the first ten of each."""
        names = ("lost", "untold", "needless", "invented", "doubled", "mistaken")
        return {name: found[:10] for name in names if (found := getattr(self, name))}


def judge(
    written: Sequence[Revision],
    events: Iterable[Event],
    *,
    since: int,
    deletions: bool = True,
    horizons: Iterable[int] = (),
) -> Verdict:
    """Return what is wrong with what arrived of one resource.

    Args:
        written: All revisions of the resource, in order.
        events: The CloudEvents about it, its gaps too, as often as they came.
        since: Up to this version nothing has to arrive: nobody watched yet.
        deletions: Whether deletions become events; of Kubernetes Events they do not.
        horizons: The revisions at each of which history began anew.
    """
    arrived = [*events]
    told = [one for one in arrived if not _is_gap(one)]
    gaps = {one["id"]: one["data"] for one in arrived if _is_gap(one)}
    holes = [
        Hole(cursor=int(data["cursor"]), snapshot=int(data["snapshot"]))
        for data in gaps.values()
    ]
    times = Counter(one["id"] for one in told)
    gone = {_uid_of(id_) for id_ in times if id_.endswith("-deleted")}
    missing = [
        one
        for one in written
        if one.version > since
        and (one.uid not in gone if one.change == "deleted" else one.id not in times)
        and (deletions or one.change != "deleted")
    ]
    covered = [one for one in missing if any(hole.covers(one) for hole in holes)]
    return Verdict(
        lost=[one.id for one in missing if one not in covered],
        untold=[*_untold(written, covered, holes)],
        needless=[str(hole) for hole in holes if not hole.is_needed(horizons)],
        invented=[*_invented(written, times)],
        doubled=[*_doubled(told)],
        mistaken=[*_mistaken(written, told)],
        repeats=times.total() - len(times),
        covered=len(covered),
        holes=holes,
    )


def _is_gap(event: Event) -> bool:
    return ".gap." in event["type"]


def _uid_of(id_: str) -> str:
    return id_[: len("6f1b2a34-8b1c-4a52-9b1e-2f4f5b6c7d8e")]


def _untold(
    written: Sequence[Revision], covered: Sequence[Revision], holes: Sequence[Hole]
) -> Iterator[str]:
    """Yield what a list at the end of a gap should have shown."""
    births = {one.uid: one.version for one in written if one.change == "added"}
    for hole in holes:
        last = {one.key: one for one in written if one.version <= hole.snapshot}
        for one in covered:
            if not hole.covers(one):
                continue
            was_known = births.get(one.uid, 0) <= hole.cursor
            if was_known if one.change == "deleted" else last[one.key] == one:
                yield one.id


def _invented(written: Sequence[Revision], times: Counter[str]) -> Iterator[str]:
    ended = {one.uid for one in written if one.change == "deleted"}
    real = {one.id for one in written}
    # A deletion that only a list shows has the last version that was known.
    real |= {f"{one.id}-deleted" for one in written if one.uid in ended}
    yield from times.keys() - real


def _doubled(told: Sequence[Event]) -> Iterator[str]:
    ids: dict[tuple[str, str], set[str]] = defaultdict(set)
    for event in told:
        metadata = event["data"]["metadata"]
        is_deleted = ".deleted." in event["type"]
        version = "deleted" if is_deleted else metadata["resourceVersion"]
        ids[metadata["uid"], version].add(event["id"])
    for same in ids.values():
        if len(same) > 1:
            yield " ".join(sorted(same))


def _mistaken(written: Sequence[Revision], told: Sequence[Event]) -> Iterator[str]:
    """Yield ids of resource changes whose type is not what happened."""
    changes = {one.id: one.change for one in written}
    for event in told:
        _, sort, change, _ = event["type"].rsplit(".", 3)
        happened = changes.get(event["id"], change)
        is_found = event.get("listed", False) and happened == "modified"
        if sort == "resource" and change != happened and not is_found:
            yield f"{event['id']}: {change}, not {happened}"
