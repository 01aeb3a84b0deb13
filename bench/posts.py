"""What one POST costs an engine, against a receiver in a process of its own.

python -m bench.posts --engine llhttp --posts 20000
"""

import argparse
import asyncio
import resource
import subprocess
import sys
import time
from pathlib import Path

from bridge.events import CloudEvent
from bridge.events.encode import encode
from bridge.sinks.http import HttpSink

_DATA = b'{"pad":"' + b"x" * 1800 + b'"}'


def _event() -> CloudEvent:
    return CloudEvent(
        id="5f2c9a1e-4242",
        source="kubernetes://prod",
        type="io.kubebridge.event.warning.v1",
        subject="shop/Pod/web",
        extensions={"kind": "Pod", "namespace": "shop", "reason": "BackOff"},
        data=_DATA,
    )


async def _measure(sink: HttpSink, posts: int, in_flight: int) -> tuple[float, float]:
    """Return wall and CPU seconds per POST."""
    event = encode(_event())
    todo = iter(range(posts))

    async def work() -> None:
        for _ in todo:
            await sink.send([event])

    async with asyncio.TaskGroup() as tasks:  # opens the connections
        for number in range(in_flight):
            tasks.create_task(sink.send([event]), name=f"open {number}")
    began, cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as tasks:
        for number in range(in_flight):
            tasks.create_task(work(), name=f"work {number}")
    return (time.perf_counter() - began) / posts, (time.process_time() - cpu) / posts


async def _run(arguments: argparse.Namespace, port: int) -> None:
    sink = HttpSink(
        name="hook",
        url=f"http://127.0.0.1:{port}/hook",
        mode=arguments.mode,
        concurrency=arguments.in_flight,
        timeout_seconds=15,
        engine=arguments.engine,
        environ={},
    )
    for _ in range(arguments.rounds):
        wall, cpu = await _measure(sink, arguments.posts, arguments.in_flight)
        print(
            f"{arguments.engine} {arguments.mode}: {cpu * 1e6:.1f} us of CPU, "
            f"{1 / wall:,.0f}/s"
        )
    await sink.aclose()
    megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"most memory: {megabytes:.0f} MB")


def main() -> None:
    """Start a receiver and POST to it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=("aiohttp", "llhttp"), default="llhttp")
    parser.add_argument(
        "--mode", choices=("structured", "binary"), default="structured"
    )
    parser.add_argument("--posts", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--loop", choices=("uvloop", "asyncio"), default="uvloop")
    arguments = parser.parse_args()
    command = [sys.executable, "-m", "bench.receiver"]
    root = Path(__file__).parents[1]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=root) as receiver:
        assert receiver.stdout is not None
        port = int(receiver.stdout.readline())
        try:
            run = asyncio.run
            if arguments.loop == "uvloop":
                import uvloop  # noqa: PLC0415  # an extra

                run = uvloop.run
            run(_run(arguments, port))
        finally:
            receiver.terminate()


if __name__ == "__main__":
    main()
