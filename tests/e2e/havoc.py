"""Rounds of faults between writers, an API server, a network and a bridge.

Each round does one thing from a deck that is shuffled with a seed, while the scribes
write, and then waits until the bridge watches again.
"""

import random
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from tests.e2e.scene import Scene
from tests.e2e.scribe import Scribe
from tests.faultproxy import (
    Cut,
    Hold,
    Inject,
    Strip,
    empty,
    error_line,
    html,
    refusal,
)

Havoc = Callable[[Scene], None]

WATCHES = ("watch", "watchlist")


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


DECK: Sequence[Havoc] = (
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


def run_rounds(
    one: Scene, *, namespace: str, faults: Sequence[Havoc], seed: int
) -> None:
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


def shuffled(rounds: int, *, seed: int) -> list[Havoc]:
    """Return as many faults, each deck through before the next begins."""
    chance = random.Random(seed)
    decks = -(-rounds // len(DECK))
    dealt = [chance.sample(DECK, len(DECK)) for _ in range(decks)]
    return [fault for deck in dealt for fault in deck][:rounds]
