"""What one POST costs, in each way and by each engine, against receivers of their own.

    python -m bench.posts
    python -m bench.posts --engine llhttp plain TLS

prints the CPU time of the sender for each POST, and how much more that is than the
plain one of the same round takes; the medians over all rounds.
"""

import argparse
import asyncio
import os
import statistics
import time
from collections import defaultdict
from collections.abc import Iterator

from bench.ways import SMALL_BYTES, Places, Way, receivers, ways
from bridge.events import CloudEvent, EncodedEvent
from bridge.events.encode import encode
from bridge.logs import configure_logs
from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.http.sink import HttpSink

ENGINES = ("llhttp", "aiohttp")

Costs = dict[str, list[float]]
"""Microseconds of CPU for each POST, of each round, by the name of the way."""


def event_of(data_bytes: int) -> EncodedEvent:
    """Return an event with that many bytes of text in its data."""
    event = CloudEvent(
        id="5f2c9a1e-4242",
        source="kubernetes://prod",
        type="io.kubebridge.event.warning.v1",
        subject="shop/Pod/web",
        extensions={"kind": "Pod", "namespace": "shop", "reason": "BackOff"},
        data=b'{"pad":"' + b"x" * data_bytes + b'"}',
    )
    return encode(event)


async def cost(
    sink: HttpSink, event: EncodedEvent, posts: int, in_flight: int
) -> float:
    """Return the microseconds of CPU for each POST, once connections are open."""

    async def work(todo: Iterator[int]) -> None:
        for _ in todo:
            await sink.send([event])

    async def together(count: int) -> None:
        todo = iter(range(count))
        async with asyncio.TaskGroup() as tasks:
            for number in range(in_flight):
                tasks.create_task(work(todo), name=f"work {number}")

    await together(in_flight * 4)
    cpu = time.process_time()
    await together(posts)
    return (time.process_time() - cpu) / posts * 1e6


async def measure(
    places: Places, engine: str, arguments: argparse.Namespace
) -> tuple[dict[str, Way], Costs]:
    """Return what each way costs; each round goes through all of them."""
    every = ways(places)
    chosen = {name: every[name] for name in arguments.ways or every}
    costs: Costs = defaultdict(list)
    for _ in range(arguments.rounds):
        for name, way in chosen.items():
            url = f"http://127.0.0.1:{places.plain}/hook"
            settings = {"url": url, "concurrency": arguments.in_flight, "name": "hook"}
            settings |= {"engine": engine} | way.settings
            sink = HttpSink(HttpConfig(**settings), environ={}, **way.parts())
            # A large event costs many times more: fewer say as much.
            posts = arguments.posts * SMALL_BYTES // way.data_bytes
            event = event_of(way.data_bytes)
            costs[name].append(await cost(sink, event, posts, arguments.in_flight))
            await sink.aclose()
    return chosen, costs


def size_check(times: int = 100_000) -> float:
    """Return the microseconds that it takes to see that a request is not too large."""
    sink = HttpSink(HttpConfig(name="hook", url="http://127.0.0.1/hook"), environ={})
    builder, events = sink._request_builder, [event_of(SMALL_BYTES)]  # noqa: SLF001
    request, headers = builder.compose(events), builder.headers
    cpu = time.process_time()
    for _ in range(times):
        builder.passes(events, request, headers)
    return (time.process_time() - cpu) / times * 1e6


def show(engine: str, chosen: dict[str, Way], costs: Costs) -> None:
    """Print a line for each way."""
    for name, found in costs.items():
        text = f"{engine:<8} {name:<22} {statistics.median(found):8.1f} us"
        than = chosen[name].than
        if than in costs:
            pairs = zip(found, costs[than], strict=True)
            more = [one - other for one, other in pairs]
            text += f" {statistics.median(more):+8.1f} us"
            text += f"  ({min(more):+.1f} to {max(more):+.1f}) than {than}"
        print(text, flush=True)


def main() -> None:
    """Start receivers and POST to them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--engine", choices=ENGINES, help="default: one, then the other"
    )
    parser.add_argument("--posts", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    names = list(ways(Places(plain=0, tls=0, mutual=0)))
    parser.add_argument("ways", nargs="*", metavar="WAY", help=f"of {names}; none: all")
    arguments = parser.parse_args()
    if unknown := set(arguments.ways).difference(names):
        parser.error(f"expected ways of {names}, got {sorted(unknown)}")
    run = asyncio.run
    if arguments.loop == "uvloop":
        import uvloop  # noqa: PLC0415  # an extra

        run = uvloop.run
    configure_logs(level="error")
    print(f"load of the machine: {os.getloadavg()[0]:.1f}")
    with receivers() as places:
        for engine in [arguments.engine] if arguments.engine else ENGINES:
            show(engine, *run(measure(places, engine, arguments)))
    print(f"size check alone: {size_check():.2f} us")


if __name__ == "__main__":
    main()
