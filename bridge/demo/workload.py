"""A bad afternoon, as the Kubernetes Events that a cluster would write about it.

Rollouts, pods that fit nowhere, images that nobody can pull, crash loops, probes that
fail, memory that runs out, a node that goes away. Nothing of it happens: only the
Events are written.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, cycle, product, zip_longest
from random import Random
from uuid import UUID

from bridge.demo.recorder import (
    SCHEDULER,
    Involved,
    Line,
    RecordedWrite,
    WriteRecorder,
    utc_now,
)

_APPS = ("checkout", "catalog", "payments", "search", "mailer")
_NODES = ("worker-1", "worker-2", "worker-3")
_NODE_CONTROLLER = "node-controller"
_IMAGE = 'image "registry.example.com/shop:1.4.2"'
_WRONG = 'image "registry.example.com/shop:1.4.3"'

_STARTS = (
    Line("Scheduled", "Successfully assigned to worker-1", SCHEDULER),
    Line("Pulling", f"Pulling {_IMAGE}"),
    Line("Pulled", f"Successfully pulled {_IMAGE} in 1.2s"),
    Line("Created", "Container created: shop"),
    Line("Started", "Container started: shop"),
)
_FAILING_PROBE = (
    Line("Unhealthy", "Readiness probe failed: statuscode: 503", warning=True),
    Line("Unhealthy", "Liveness probe failed: statuscode: 503", warning=True),
    Line("Killing", "Container failed liveness probe, will be restarted"),
)
_MISSING_IMAGE = (
    Line("Pulling", f"Pulling {_WRONG}"),
    Line("Failed", f"Failed to pull {_WRONG}: not found", warning=True),
    Line("Failed", "Error: ErrImagePull", warning=True),
    Line("Failed", "Error: ImagePullBackOff", warning=True),
    Line("BackOff", f"Back-off pulling {_WRONG}"),
)
_CRASH_LOOP = (Line("BackOff", "Back-off restarting failed container", warning=True),)
_FITS_NOWHERE = (
    Line(
        "FailedScheduling",
        "0/3 nodes are available: 3 Insufficient memory.",
        SCHEDULER,
        warning=True,
    ),
)
_OUT_OF_MEMORY = (
    Line("OOMKilled", "Container exceeded its limit (exit code 137)", warning=True),
    Line("Killing", "Stopping container shop"),
    Line("BackOff", "Back-off restarting failed container", warning=True),
)
_NODE_NOT_READY = (
    Line("NodeNotReady", "Node is not ready", _NODE_CONTROLLER, warning=True),
    Line("NodeNotReady", "Node is not ready", _NODE_CONTROLLER, about_node=True),
)

_PLOTS: Sequence[tuple[str, Sequence[tuple[Sequence[Line], int]]]] = (
    (
        "a release with a missing image and a failing probe",
        ((_FAILING_PROBE, 4), (_MISSING_IMAGE, 3)),
    ),
    (
        "a crash loop, and a pod that fits nowhere",
        ((_CRASH_LOOP, 12), (_FITS_NOWHERE, 8)),
    ),
    (
        "a node goes away, memory runs out",
        ((_OUT_OF_MEMORY, 4), (_NODE_NOT_READY, 5)),
    ),
)
"""Titles, and what is said about a pod each, until its count is so high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Some minutes of the afternoon: what is new, then what is said again.

    Attributes:
        title: For people.
        openings: New Events, each another object: one revision each.
        repeats: Changes to these, in order: many revisions of few objects.
    """

    title: str
    openings: Sequence[RecordedWrite]
    repeats: Sequence[RecordedWrite]


class Afternoon:
    """Makes up one act after another, the same ones for the same seed."""

    def __init__(
        self,
        *,
        namespace: str,
        with_nodes: bool,
        seed: int = 7,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        """Begin.

        Args:
            namespace: Where the workload runs.
            with_nodes: Whether to write about nodes too. Such Events lie in namespace
                ``default``, where a guest in somebody's cluster writes nothing.
            seed: Decides names.
            now: The time that Events carry.
        """
        self._namespace = namespace
        self._with_nodes = with_nodes
        self._random = Random(seed)  # noqa: S311  # names in a play, no secrets
        self._recorder = WriteRecorder(random=self._random, now=now)

    def acts(self) -> Iterator[Act]:
        """Yield acts without end."""
        for title, plot in cycle(_PLOTS):
            pods, openings = self._rollout()
            repeats = []
            for pod, (lines, times) in zip(pods, plot, strict=False):
                said = [*self._say(pod, lines)]
                again = product(range(2, times + 1), said)
                openings += said
                repeats.append([self._recorder.repeat(one, n) for n, one in again])
            yield Act(title=title, openings=openings, repeats=_in_turn(repeats))

    def _rollout(self) -> tuple[Sequence[Involved], list[RecordedWrite]]:
        """Scale a new ReplicaSet up to three pods and start them."""
        app, say = self._random.choice(_APPS), self._recorder.say
        name = f"{app}-{self._random.getrandbits(36):09x}"
        deployment = self._object("Deployment", app, "apps/v1")
        replica_set = self._object("ReplicaSet", name, "apps/v1")
        scaled = f"Scaled up replica set {name} from 0 to 3"
        line = Line("ScalingReplicaSet", scaled, "deployment-controller")
        pods, writes = [], [say(deployment, line)]
        for _ in range(3):
            pod = self._object("Pod", f"{name}-{self._random.getrandbits(20):05x}")
            created = f"Created pod: {pod.name}"
            line = Line("SuccessfulCreate", created, "replicaset-controller")
            writes += [say(replica_set, line), *(say(pod, line) for line in _STARTS)]
            pods.append(pod)
        return pods, writes

    def _say(self, pod: Involved, lines: Sequence[Line]) -> Iterator[RecordedWrite]:
        name = self._random.choice(_NODES)
        # A node's own Events refer to it with its name for a uid.
        node = Involved(kind="Node", name=name, uid=name, namespace="")
        for line in lines:
            if self._with_nodes or not line.about_node:
                yield self._recorder.say(node if line.about_node else pod, line)

    def _object(self, kind: str, name: str, api_version: str = "v1") -> Involved:
        return Involved(
            kind=kind,
            name=name,
            uid=str(UUID(int=self._random.getrandbits(128), version=4)),
            namespace=self._namespace,
            api_version=api_version,
        )


def _in_turn(runs: Sequence[Sequence[RecordedWrite]]) -> Sequence[RecordedWrite]:
    """Return one write of each run in turn; each run keeps its order."""
    turns = chain.from_iterable(zip_longest(*runs))
    return [write for write in turns if write is not None]
