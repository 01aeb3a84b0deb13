"""A bad afternoon, as the Kubernetes Events that a cluster would write about it.

Rollouts, pods that fit nowhere, images that nobody can pull, crash loops, probes that
fail, memory that runs out, a node that goes away. Nothing of it happens: only the
Events are written.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, cycle, zip_longest
from random import Random
from uuid import UUID

from bridge.demo.recorder import Involved, Recorder, Write, utc_now

_APPS = ("checkout", "catalog", "payments", "search", "mailer")
_NODES = ("worker-1", "worker-2", "worker-3")
_REGISTRY = "registry.example.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Some minutes of the afternoon: what is new, then what is said again.

    Attributes:
        title: For people.
        openings: New Events, each another object: one revision each.
        repeats: Changes to these, in order: many revisions of few objects.
    """

    title: str
    openings: Sequence[Write]
    repeats: Sequence[Write]


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
        self._recorder = Recorder(random=self._random, now=now)

    def acts(self) -> Iterator[Act]:
        """Yield acts without end."""
        for act in cycle((self._bad_release, self._crash_loop, self._lost_node)):
            yield act()

    def _bad_release(self) -> Act:
        pods, rollout = self._rollout()
        again = [
            self._again(self._failing_probe(pods[0]), times=4),
            self._again(self._missing_image(pods[1]), times=3),
        ]
        return _act(
            "a release with a missing image and a failing probe", rollout, again
        )

    def _crash_loop(self) -> Act:
        pods, rollout = self._rollout()
        again = [
            self._again([self._back_off(pods[0])], times=12),
            self._again([self._unschedulable(pods[1])], times=8),
        ]
        return _act("a crash loop, and a pod that fits nowhere", rollout, again)

    def _lost_node(self) -> Act:
        pods, rollout = self._rollout()
        again = [
            self._again(self._out_of_memory(pods[0]), times=4),
            self._again(self._node_not_ready(pods), times=3),
        ]
        return _act("a node goes away, memory runs out", rollout, again)

    def _rollout(self) -> tuple[Sequence[Involved], Sequence[Write]]:
        """Scale a new ReplicaSet up to three pods and start them."""
        app = self._random.choice(_APPS)
        name = f"{app}-{self._random.getrandbits(36):09x}"
        replica_set = self._object("ReplicaSet", name, "apps/v1")
        pods = [
            self._object("Pod", f"{name}-{self._random.getrandbits(20):05x}")
            for _ in range(3)
        ]
        scaled = self._recorder.normal(
            self._object("Deployment", app, "apps/v1"),
            "ScalingReplicaSet",
            f"Scaled up replica set {name} from 0 to 3",
            "deployment-controller",
        )
        starts = (self._start(replica_set, pod, app) for pod in pods)
        return pods, [scaled, *chain.from_iterable(starts)]

    def _start(self, replica_set: Involved, pod: Involved, app: str) -> Iterator[Write]:
        record, image = self._recorder, f'image "{_REGISTRY}/{app}:1.4.2"'
        created, by = f"Created pod: {pod.name}", "replicaset-controller"
        yield record.normal(replica_set, "SuccessfulCreate", created, by)
        where = f"{pod.namespace}/{pod.name} to {self._random.choice(_NODES)}"
        assigned = f"Successfully assigned {where}"
        yield record.scheduling(pod, "Scheduled", assigned, warning=False)
        yield record.normal(pod, "Pulling", f"Pulling {image}")
        yield record.normal(pod, "Pulled", f"Successfully pulled {image} in 1.2s")
        yield record.normal(pod, "Created", f"Container created: {app}")
        yield record.normal(pod, "Started", f"Container started: {app}")

    def _failing_probe(self, pod: Involved) -> Iterator[Write]:
        ready = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        alive = "Liveness probe failed: Get http://10.0.0.7:8080/livez: EOF"
        killing = "Container failed liveness probe, will be restarted"
        yield self._recorder.warning(pod, "Unhealthy", ready)
        yield self._recorder.warning(pod, "Unhealthy", alive)
        yield self._recorder.normal(pod, "Killing", killing)

    def _missing_image(self, pod: Involved) -> Iterator[Write]:
        record, image = self._recorder, f'image "{_REGISTRY}/wrong:latest"'
        yield record.normal(pod, "Pulling", f"Pulling {image}")
        yield record.warning(pod, "Failed", f"Failed to pull {image}: not found")
        yield record.warning(pod, "Failed", "Error: ErrImagePull")
        yield record.warning(pod, "Failed", "Error: ImagePullBackOff")
        yield record.normal(pod, "BackOff", f"Back-off pulling {image}")

    def _back_off(self, pod: Involved) -> Write:
        text = f"Back-off restarting failed container in pod {pod.name}"
        return self._recorder.warning(pod, "BackOff", text)

    def _unschedulable(self, pod: Involved) -> Write:
        text = "0/3 nodes are available: 3 Insufficient memory."
        return self._recorder.scheduling(pod, "FailedScheduling", text, warning=True)

    def _out_of_memory(self, pod: Involved) -> Iterator[Write]:
        killed = "Container exceeded its memory limit of 256Mi (exit code 137)"
        yield self._recorder.warning(pod, "OOMKilled", killed)
        yield self._recorder.normal(pod, "Killing", "Stopping container")
        yield self._back_off(pod)

    def _node_not_ready(self, pods: Sequence[Involved]) -> Iterator[Write]:
        name, by = self._random.choice(_NODES), "node-controller"
        if self._with_nodes:
            # A node's own Events refer to it with its name for a uid.
            node = Involved(kind="Node", name=name, uid=name, namespace="")
            status = f"Node {name} status is now: NodeNotReady"
            yield self._recorder.normal(node, "NodeNotReady", status, by)
        for pod in pods:
            yield self._recorder.warning(pod, "NodeNotReady", "Node is not ready", by)

    def _again(
        self, openings: Iterator[Write] | list[Write], *, times: int
    ) -> tuple[Sequence[Write], Sequence[Write]]:
        """Return what is said, and each of it again until its count is `times`."""
        said = list(openings)
        counts = range(2, times + 1)
        return said, [self._recorder.repeat(one, n) for n in counts for one in said]

    def _object(self, kind: str, name: str, api_version: str = "v1") -> Involved:
        return Involved(
            kind=kind,
            name=name,
            uid=str(UUID(int=self._random.getrandbits(128), version=4)),
            namespace=self._namespace,
            api_version=api_version,
        )


def _act(
    title: str,
    rollout: Sequence[Write],
    again: Sequence[tuple[Sequence[Write], Sequence[Write]]],
) -> Act:
    return Act(
        title=title,
        openings=[*rollout, *chain.from_iterable(said for said, _ in again)],
        repeats=_interleaved([repeats for _, repeats in again]),
    )


def _interleaved(runs: Sequence[Sequence[Write]]) -> Sequence[Write]:
    """Return one write of each run in turn; each run keeps its order."""
    turns = chain.from_iterable(zip_longest(*runs))
    return [write for write in turns if write is not None]
