"""Rounds of faults between writers, an API server, a network and a bridge.

Each round does one thing from a deck that is shuffled with a seed, while the scribes
write, and then waits until the bridge watches again.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.scribe import Kind, Scribe
from tests.e2e.truth import Truth
from tests.e2e.verdict import Verdict, judge
from tests.faultproxy import (
    Cut,
    Hold,
    HttpProxy,
    Inject,
    Strip,
    TcpProxy,
    empty,
    error_line,
    html,
    http_proxy,
    proxied_kubeconfig,
    refusal,
)
from tests.faultproxy.faults import Fault

WATCHES = ("watch", "watchlist")


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
def scene(
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


def nothing(one: Scene) -> None:
    """Do nothing at all."""
    one.pause(0.5, 1.0)


def kill_bridge(one: Scene) -> None:
    """End the bridge by SIGKILL and start it again."""
    one.bridge.kill()
    one.pause()
    one.bridge.start()


def kill_bridge_twice(one: Scene) -> None:
    """End the bridge while it starts."""
    kill_bridge(one)
    one.pause(0.3, 1.5)
    kill_bridge(one)


def restart_server(one: Scene) -> None:
    """Stop the API server as an upgrade does, and start it again."""
    one.restart_server()


def kill_server(one: Scene) -> None:
    """End the API server by SIGKILL and start it again."""
    one.restart_server(kill=True)


def compact(one: Scene) -> None:
    """Forget the history under a running watch: that must go on unharmed."""
    one.truth.compact()


def compact_and_cut(one: Scene) -> None:
    """Forget the history while the bridge cannot read."""
    one.tcp.blackhole()
    one.pause()
    one.truth.compact()
    one.pause()
    one.tcp.reset()
    one.tcp.heal()


def compact_and_restart_server(one: Scene) -> None:
    """Forget the history of etcd and that of the watch caches as well."""
    one.truth.compact()
    one.pause()
    one.restart_server()


def restart_all(one: Scene) -> None:
    """Restart the API server while the bridge is down and there is writing."""
    one.bridge.kill()
    one.pause()
    one.restart_server()
    one.bridge.start()


def compact_and_restart_all(one: Scene) -> None:
    """Forget all history while the bridge is down."""
    one.bridge.kill()
    one.pause()
    one.truth.compact()
    one.restart_server()
    one.bridge.start()


def blackhole(one: Scene) -> None:
    """Let nothing pass for a while."""
    one.tcp.blackhole()
    one.pause(0.5, 1.5)
    one.tcp.heal()


def half_open(one: Scene) -> None:
    """Let the server vanish, until the kernel's keepalive has noticed."""
    one.tcp.half_open()
    one.pause(0.5, 1.5)
    one.tcp.reset()


def reset(one: Scene) -> None:
    """Reset the connections a few times."""
    for _ in range(3):
        one.pause(0.05, 0.3)
        one.tcp.reset()


def close(one: Scene) -> None:
    """End the connections in the middle of what they carry."""
    one.tcp.close_all()


def truncate(one: Scene) -> None:
    """Let some bytes through to each connection, fewer than a watch needs."""
    one.tcp.truncate(one.chance.randrange(1, 20_000))
    one.pause(0.5, 1.5)
    one.tcp.heal()


def truncate_body(one: Scene) -> None:
    """Cut watches at any byte of their lines."""
    for _ in range(3):
        after = one.chance.randrange(1, 5_000)
        one.http.fault(Cut(after=after), kinds=WATCHES, times=1)
    one.tcp.reset()


def slow(one: Scene) -> None:
    """Hold back each block, and answers to requests."""
    one.tcp.delay(0.05)
    one.upset_requests(Hold(seconds=0.5), times=2)
    one.pause(0.5, 1.5)
    one.tcp.delay(0.0)


def refuse(one: Scene) -> None:
    """Refuse new connections for a while."""
    one.tcp.refuse()
    one.tcp.reset()
    one.pause(0.3, 1.0)


def say_html(one: Scene) -> None:
    """Answer watches as a load balancer does whose servers are gone."""
    one.upset_requests(html(503), times=2, kinds=WATCHES)


def say_html_with_200(one: Scene) -> None:
    """Answer watches by a login page."""
    one.upset_requests(html(200), times=2, kinds=WATCHES)


def say_nothing(one: Scene) -> None:
    """Answer watches by 200 and not a byte, once or twice."""
    one.upset_requests(empty(), times=one.chance.randint(1, 3), kinds=WATCHES)


def say_too_many(one: Scene) -> None:
    """Refuse anything for a second, as priority and fairness does."""
    refused = refusal(429, "TooManyRequests", retry_after=1)
    one.upset_requests(refused, times=len(one.kinds))


def say_timeout(one: Scene) -> None:
    """Answer anything by 504."""
    one.upset_requests(refusal(504, "Timeout"), times=2)


def say_expired(one: Scene) -> None:
    """Break watches off by a 410 that is not true: the history is there."""
    line = error_line(410, "Expired")
    fault = Inject(lines=(line,), after=one.chance.randrange(20), is_ended=True)
    one.upset_requests(fault, times=1, kinds=WATCHES)


def say_odd_things(one: Scene) -> None:
    """Put lines into watches that nobody knows, then break them off by a 500."""
    odd = (b'{"type":"NOVEL","object":{}}', b'{"type":"ADDED","object":{}}')
    one.http.fault(Inject(lines=odd, after=1), kinds=WATCHES, times=1)
    broken = Inject(lines=(error_line(500, "InternalError"),), after=5, is_ended=True)
    one.upset_requests(broken, times=1, kinds=WATCHES)


def forget_watch_lists(one: Scene) -> None:
    """Be a server that does not know `sendInitialEvents`; the bridge starts on it."""
    one.http.fault(Strip(parameter="sendInitialEvents"), kinds=["watchlist"])
    kill_bridge(one)
    one.bridge.wait_ready()


DECK: Sequence[Callable[[Scene], None]] = (
    compact_and_restart_all,
    restart_all,
    kill_bridge,
    compact_and_cut,
    reset,
    kill_server,
    truncate_body,
    say_nothing,
    half_open,
    restart_server,
    say_html,
    blackhole,
    compact_and_restart_server,
    truncate,
    say_too_many,
    kill_bridge_twice,
    say_odd_things,
    say_expired,
    compact,
    slow,
    refuse,
    close,
    say_html_with_200,
    say_timeout,
    forget_watch_lists,
    nothing,
)


def run_rounds(one: Scene, *, namespace: str, faults: Sequence[Any], seed: int) -> None:
    """Do one fault after the other while there is writing."""
    server = one.plane.apiserver
    with ExitStack() as stack:
        for kind in one.kinds:
            scribe = Scribe(server, kind, namespace=namespace, seed=seed)
            stack.enter_context(scribe)
        for fault in faults:
            one.rounds.append(fault.__name__)
            one.pause(0.2, 0.6)
            fault(one)
            one.pause(0.2, 0.6)
            one.tcp.heal()
            one.http.heal()
            one.bridge.wait_ready(seconds=120)
    one.truth.catch_up()


def shuffled(rounds: int, *, seed: int) -> list[Callable[[Scene], None]]:
    """Return as many faults, each deck through before the next begins."""
    chance = random.Random(seed)
    decks = -(-rounds // len(DECK))
    dealt = [chance.sample(DECK, len(DECK)) for _ in range(decks)]
    return [fault for deck in dealt for fault in deck][:rounds]


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
