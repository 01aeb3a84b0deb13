"""Everything that a round of havoc needs: who takes part, and who judges."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.scribe import Kind
from tests.e2e.truth import Truth
from tests.e2e.verdict import Verdict, judge
from tests.faultproxy import HttpProxy, TcpProxy, http_proxy, proxied_kubeconfig
from tests.faultproxy.faults import Fault


@dataclass(slots=True, kw_only=True)
class Scene:
    """Everything that takes part.

    Attributes:
        tcp: Nearest to the bridge.
        http: Between that and the API server; counts requests.
        since: The revision at which the bridge began to watch.
        restarts: The revision at which each API server had started.
        rounds: The name of each fault so far.
    """

    plane: ControlPlane
    truth: Truth
    tcp: TcpProxy
    http: HttpProxy
    bridge: Bridge
    receiver: Receiver
    kinds: Sequence[Kind]
    chance: random.Random
    since: int = 0
    restarts: list[int] = field(default_factory=list)
    rounds: list[str] = field(default_factory=list)

    def pause(self, least: float = 0.1, most: float = 0.5) -> None:
        """Let writers and bridge go on for a while."""
        time.sleep(self.chance.uniform(least, most))

    def restart_server(self, *, kill: bool = False) -> None:
        """End the API server and start it again; its watch caches begin anew."""
        self.plane.apiserver.restart(kill=kill)
        self.restarts.append(self.plane.etcd.current_revision())

    def horizons(self, kind: Kind) -> list[int]:
        """Return where the history of a kind began anew; Events are not cached."""
        is_cached = kind.name != "Event"
        return [*self.truth.compactions, *(self.restarts if is_cached else ())]

    def lists(self, kind: Kind) -> int:
        """Return how often the bridge began to list a kind whole."""
        asked = self.http.requests
        return sum(one.is_whole for one in asked if one.plural == kind.plural)

    def upset_requests(self, fault: Fault, *, times: int, **which: Any) -> None:
        """Cut every connection and let the next requests meet a fault."""
        self.http.fault(fault, times=times, **which)
        self.tcp.reset()


@contextmanager
def open_scene(
    plane: ControlPlane,
    receiver: Receiver,
    folder: Path,
    *,
    kinds: Sequence[Kind],
    seed: int,
) -> Iterator[Scene]:
    """Run the proxies and a bridge that watches these kinds, everywhere."""
    server = plane.apiserver
    with ExitStack() as stack:
        http = stack.enter_context(http_proxy(server))
        tcp = stack.enter_context(TcpProxy(http.port))
        bridge = Bridge(
            folder=folder,
            kubeconfig=proxied_kubeconfig(server, tcp, folder / "kubeconfig"),
            module="tests.e2e.impatient",
            sources=[kind.source for kind in kinds],
            sinks=[{"name": "hook", "url": receiver.url}],
        )
        one = Scene(
            plane=plane,
            truth=Truth(plane.etcd),
            tcp=tcp,
            http=http,
            bridge=stack.enter_context(bridge),
            receiver=receiver,
            kinds=kinds,
            chance=random.Random(seed),
        )
        bridge.start_and_wait()
        one.since = plane.etcd.current_revision()
        yield one


def verdicts(one: Scene, *, seconds: float = 60) -> Mapping[str, Verdict]:
    """Wait until nothing is missing, at most so long, and judge each kind."""
    found: dict[str, Verdict] = {}

    def is_whole() -> bool:
        events = [msgspec.json.decode(body) for body in one.receiver.ledger.bodies]
        for kind in one.kinds:
            found[kind.name] = judge(
                one.truth.of(kind.prefix),
                [event for event in events if _is_about(event, kind)],
                since=one.since,
                deletions=kind.name != "Event",
                horizons=one.horizons(kind),
            )
        return not any(each.lost or each.untold for each in found.values())

    end = time.monotonic() + seconds
    while not is_whole() and time.monotonic() < end:
        time.sleep(1.0)
    wait_until(lambda: one.bridge.backlog("hook") == 0)
    return found


def _is_about(event: Mapping[str, Any], kind: Kind) -> bool:
    """Return whether an event is one of a kind, or of a gap in it."""
    data = event["data"]
    if ".gap." in event["type"]:
        return bool(data["resource"]["kind"] == kind.name)
    return bool(data["kind"] == kind.name)


def summary(one: Scene, found: Mapping[str, Verdict]) -> str:
    """Return what a person wants to know of the rounds, a line for each kind."""
    lines = [f"{len(one.rounds)} rounds"]
    for kind in one.kinds:
        verdict, asked = found[kind.name], one.http.count(plural=kind.plural)
        lines.append(
            f"{kind.name}: {len(one.truth.of(kind.prefix))} revisions, "
            f"{verdict.repeats} came again, {verdict.covered} in {len(verdict.holes)} "
            f"gaps, requests {dict(asked)}, {one.lists(kind)} whole lists"
        )
    return "\n".join(lines)
