"""Looks up the object that a Kubernetes Event is about.

The facts come from informers, one for each kind, started when an object of that kind is
first asked for; never from a request for an event. The chain of controllers is followed
through them, and each step has to have the uid that the step before it names::

    Event ──involved object──▶ Pod ──▶ ReplicaSet ──▶ Deployment
    Event ──involved object──▶ Job ──▶ CronJob

The object may be newer than the state of an informer: `Missing` asks the caller to
wait, and `Enrichment.give_up` ends the waiting.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from bridge.cluster import ObjectMeta, Owner, Resource
from bridge.cluster.informer import Informer
from bridge.cluster.kubernetes_event import Reference
from bridge.events.context import InvolvedObject

GIVEN_UP_SECONDS = 60.0
"""How long no Event waits for an object that was given up."""

GIVEN_UP_LIMIT = 10_000
"""Most objects that are remembered as given up; the oldest are forgotten first."""

_LONGEST_CHAIN = 8
"""Nothing forbids objects to control each other in a circle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The object is not known, but may be soon.

    Attributes:
        is_loading: An informer that runs has not read everything yet. False: it has,
            and has not seen the object: it is not created yet, as far as it knows, or
            was deleted before it was ever seen.
    """

    is_loading: bool


class Enrichment:
    """Finds the object that an Event is about, and the chain of its controllers.

    Attributes:
        stores: What the informers that were started know, by resource.
    """

    def __init__(
        self,
        resources: Iterable[Resource],
        *,
        start: Callable[[Resource], Informer],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Start nothing yet.

        Args:
            resources: The kinds that are looked up, owners included.
            start: Returns a running informer; called once at most for each of them.
                Its store says what is kept: without owners no chain is followed.
            clock: Seconds.
        """
        self._resources = tuple(resources)
        self._start = start
        self._informers: dict[Resource, Informer] = {}
        self.stores: dict[str, object] = {}
        self._given_up = _GivenUp(clock)

    def find(self, about: Reference) -> InvolvedObject | Missing | None:
        """Return the known facts of an object and its controllers.

        Args:
            about: The object. With a uid it is this very object, even if another one
                has its name now. Without one it is what has that name now: Events
                whose author knew no uid could not be enriched otherwise.

        Returns:
            None: it will not be known, for its kind is not looked up, or cannot be
            watched. After `give_up` as much as is known, for a while.
        """
        concerned, missing = self._look(about)
        if missing is None or _key(about) in self._given_up:
            return concerned
        return missing

    def give_up(self, about: Reference) -> InvolvedObject | None:
        """Stop waiting for an object; return the known facts.

        If the object appears later, it is found.
        """
        concerned, missing = self._look(about)
        if missing is not None:
            self._given_up.add(_key(about))
        return concerned

    def _look(self, about: Reference) -> tuple[InvolvedObject | None, Missing | None]:
        """Return the known facts, and whether more may be known soon."""
        named = Owner(
            api_version=about.api_version,
            kind=about.kind,
            name=about.name,
            uid=_uid(about),
        )
        known, missing = self._look_up(named, about.namespace)
        if known is None:
            return None, missing
        owner, missing = self._top(known)
        concerned = InvolvedObject(
            labels=known.labels, annotations=known.annotations, owner=owner
        )
        return concerned, missing

    def _top(self, known: ObjectMeta) -> tuple[Owner | None, Missing | None]:
        """Return the top of the chain, as far as it can be followed."""
        top = known.owner
        if top is None:
            return None, None
        for _ in range(_LONGEST_CHAIN):
            above, missing = self._look_up(top, known.namespace)
            if above is None or above.owner is None:
                return top, missing
            top = above.owner
        return top, None

    def _look_up(
        self, named: Owner, namespace: str
    ) -> tuple[ObjectMeta | None, Missing | None]:
        resource = self._resource(named)
        if resource is None:
            return None, None
        informer = self._informer(resource)
        place = namespace if resource.namespaced else ""
        known = informer.find(f"{place}/{named.name}", named.uid)
        if known is not None:
            return known, None
        is_loading = not informer.synced.is_set()
        if is_loading and informer.error:
            return None, None  # it may never be permitted
        return None, Missing(is_loading=is_loading)

    def _resource(self, named: Owner) -> Resource | None:
        """Return the resource of a kind, in any version of its group; None: unknown."""
        group = named.api_version.rpartition("/")[0]
        for resource in self._resources:
            # kubelet names no apiVersion in its Events about Nodes.
            is_group = resource.group == group or not named.api_version
            if resource.kind == named.kind and is_group:
                return resource
        return None

    def _informer(self, resource: Resource) -> Informer:
        if resource not in self._informers:
            informer = self._informers[resource] = self._start(resource)
            self.stores[resource.name] = informer.store
        return self._informers[resource]


class _GivenUp:
    """Remembers the objects that no Event waits for, for a while."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: OrderedDict[Hashable, float] = OrderedDict()

    def __contains__(self, key: Hashable) -> bool:
        return self._until.get(key, 0.0) > self._clock()

    def add(self, key: Hashable) -> None:
        now = self._clock()
        self._until[key] = now + GIVEN_UP_SECONDS
        self._until.move_to_end(key)
        while len(self._until) > GIVEN_UP_LIMIT or self._oldest() <= now:
            self._until.popitem(last=False)

    def _oldest(self) -> float:
        return next(iter(self._until.values()))


def _uid(about: Reference) -> str:
    """Return which object is meant; empty: whichever has the name.

    kubelet writes the name of a Node for its uid (pkg/kubelet/kubelet.go, nodeRef).
    """
    return "" if about.uid == about.name else about.uid


def _key(about: Reference) -> Hashable:
    return about.kind, about.namespace, about.name, about.uid
