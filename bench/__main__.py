"""Run all rows and print a table and JSON: `make bench`.

With ``--against <commit>`` the rows of `COMPARED` are measured in turns with the build
of that commit, and only ratios say anything: machines of one class differ by a factor.
"""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from bench import resources, rows, steady
from bench.candidates import checked_out, here
from bench.endurance import endurance
from bench.formats import formats
from bench.isolation import isolation
from bench.load import Writer
from bench.rows import Figures
from bench.turns import Measure, compared, in_turns, print_compared
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane

Rows = dict[str, Callable[[], Figures]]
"""What measures each row, by name."""

FILLED = ("single", "ordered", "slow", "batch", "start")
"""The rows that need retained Events."""

STEADY = (10.0, 100.0, 300.0)
"""Events a second of the rows `steady`."""

COMPARED = ("import", "idle", "steady", "single", "batch", "ordered", "start", "memory")
"""The rows that can be measured in turns with another commit."""


def main() -> int:
    """Measure; return the exit code."""
    arguments = _arguments()
    binaries = find_binaries()
    if isinstance(binaries, str):
        print(f"bench: {binaries}", file=sys.stderr)
        return 2
    if arguments.against:
        return _compare(arguments, binaries)
    results: dict[str, Figures] = {}
    wanted, count = set(arguments.rows), arguments.events
    _measure(_rows_alone(arguments), wanted, results)
    if wanted - {"help", "import", "claim", "formats", "endurance"}:
        with (
            tempfile.TemporaryDirectory(prefix="kubebridge-bench-") as folder,
            ControlPlane(folder=Path(folder), binaries=binaries) as plane,
        ):
            if not wanted.isdisjoint(FILLED):
                asyncio.run(Writer(plane.apiserver).fill(count, prefix="fill"))
            _measure(_rows(plane, arguments), wanted, results)
            if "memory" in wanted:
                more = max(0, arguments.retained - count)
                asyncio.run(Writer(plane.apiserver).fill(more, prefix="more"))
            _measure(_late_rows(plane, arguments), wanted, results)
    _measure(_long_rows(binaries, arguments), wanted, results)
    print(json.dumps({"machine": _machine(), "rows": results}, indent=1))
    return 0


def _compare(arguments: argparse.Namespace, binaries: Mapping[str, Path]) -> int:
    """Measure this build and another in turns; return the exit code."""
    wanted = [name for name in COMPARED if name in arguments.rows]
    results = {}
    with (
        tempfile.TemporaryDirectory(prefix="kubebridge-bench-") as folder,
        checked_out(arguments.against, Path(folder)) as other,
        ControlPlane(folder=Path(folder) / "plane", binaries=binaries) as plane,
    ):
        filled = 0
        for name, measure in _compared_rows(plane, arguments):
            if name.partition(",")[0] not in wanted:
                continue
            need = _retained(name, arguments)
            asyncio.run(
                Writer(plane.apiserver).fill(
                    max(0, need - filled), prefix=f"fill-{filled}"
                )
            )
            filled = max(filled, need)
            found = in_turns(measure, [here(), other], rounds=arguments.rounds)
            results[name] = compared(found["here"], found[other.name])
            print_compared(name, results[name])
    machine = _machine() | {"against": arguments.against}
    print(json.dumps({"machine": machine, "rows": results}, indent=1))
    return 0


def _retained(name: str, arguments: argparse.Namespace) -> int:
    """Return how many Events must be in the cluster for a row."""
    if name == "memory":
        return int(arguments.retained)
    return int(arguments.events) if name in FILLED else 0


def _compared_rows(
    plane: ControlPlane, arguments: argparse.Namespace
) -> list[tuple[str, Measure]]:
    """Return the rows in an order in which the cluster only fills up."""
    count = arguments.events

    def at(per_second: float) -> Measure:
        return lambda one: steady.steady(
            plane, per_second=per_second, seconds=arguments.seconds, candidate=one
        )

    def filled(**sink: object) -> Measure:
        return lambda one: rows.throughput(plane, count, candidate=one, **sink)

    return [
        ("import", lambda one: steady.imports(candidate=one)),
        (
            "idle",
            lambda one: steady.idle(plane, seconds=arguments.seconds, candidate=one),
        ),
        *((f"steady,{rate:.0f}", at(rate)) for rate in STEADY),
        ("single", filled()),
        ("batch", filled(mode="batch", batch={"size": 50})),
        ("ordered", filled(ordering="object")),
        ("start", lambda one: rows.start(plane, candidate=one)),
        (
            "memory",
            lambda one: rows.memory(plane, arguments.retained, candidate=one),
        ),
    ]


def _measure(rows: Rows, wanted: set[str], results: dict[str, Figures]) -> None:
    for name, measure in rows.items():
        if name.partition(",")[0] in wanted:
            results[name] = measure()
            _print_row(name, results[name])


def _rows_alone(arguments: argparse.Namespace) -> Rows:
    """Return the rows without an API server."""
    return {
        "help": rows.help_text,
        "import": lambda: steady.imports(candidate=here()),
        "claim": lambda: rows.claim(arguments.waiting),
        "formats": formats,
    }


def _rows(plane: ControlPlane, arguments: argparse.Namespace) -> Rows:
    measured: Rows = {}
    for engine in arguments.engine or [None]:
        measured |= _rows_of_engine(plane, arguments.events, engine)
    return measured | {
        "idle": lambda: steady.idle(plane, seconds=arguments.seconds),
        **{
            f"steady,{rate:.0f}": partial(
                steady.steady, plane, per_second=rate, seconds=arguments.seconds
            )
            for rate in STEADY
        },
        "latency": lambda: rows.latency(plane, per_second=300, seconds=20),
        "isolation": lambda: isolation(
            plane, per_second=100, seconds=10, rounds=arguments.rounds
        ),
        "start": lambda: rows.start(plane),
    }


def _rows_of_engine(plane: ControlPlane, count: int, engine: str | None) -> Rows:
    """Return the rows that an engine matters to; None: the product's default."""
    suffix = "" if engine is None else f", {engine}"
    sink = {} if engine is None else {"engine": engine}
    in_order = sink | {"ordering": "object"}
    batches = sink | {"mode": "batch", "batch": {"size": 50}}
    return {
        f"single{suffix}": lambda: rows.throughput(plane, count, **sink),
        f"ordered{suffix}": lambda: rows.throughput(plane, count, **in_order),
        f"slow{suffix}": lambda: rows.throughput(plane, count, delay_ms=20, **sink),
        f"batch{suffix}": lambda: rows.throughput(plane, count, **batches),
    }


def _late_rows(plane: ControlPlane, arguments: argparse.Namespace) -> Rows:
    """Return the rows that need or leave much in the cluster."""
    return {
        "memory": lambda: rows.memory(plane, arguments.retained),
        "catchup": lambda: resources.catch_up(plane, arguments.events),
        "unwanted": lambda: resources.unwanted(plane, arguments.changes),
        "pods": lambda: resources.pods(plane, arguments.pods),
    }


def _long_rows(binaries: Mapping[str, Path], arguments: argparse.Namespace) -> Rows:
    """Return the row with a cluster of its own."""
    return {
        "endurance": lambda: endurance(
            binaries, per_second=arguments.rate, minutes=arguments.minutes
        )
    }


def _arguments() -> argparse.Namespace:
    names = ["help", "import", "claim", "formats", "single", "ordered", "slow", "batch"]
    names += ["idle", "steady", "latency"]
    names += ["isolation", "start", "memory", "catchup", "unwanted", "pods"]
    names += ["endurance"]
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument(
        "--engine",
        action="append",
        choices=("llhttp", "aiohttp"),
        help="of single, ordered, slow and batch; may be repeated; default: the sink's",
    )
    parser.add_argument(
        "--against", metavar="COMMIT", help=f"measure {', '.join(COMPARED)} in turns"
    )
    parser.add_argument(
        "--seconds", type=float, default=20, help="of steady and idle, each"
    )
    parser.add_argument("--waiting", type=int, default=1_000_000, help="of claim")
    parser.add_argument(
        "--rounds", type=int, default=5, help="of isolation, and in turns"
    )
    parser.add_argument("--retained", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--pods", type=int, default=100_000)
    parser.add_argument("--minutes", type=int, default=30, help="of endurance")
    parser.add_argument(
        "--rate", type=float, default=500, help="Events per second of endurance"
    )
    parser.add_argument("rows", nargs="*", help=f"of {names}; none: all")
    arguments = parser.parse_args()
    unknown = set(arguments.rows) - set(names)
    if unknown:
        parser.error(f"expected rows of {names}, got {sorted(unknown)}")
    arguments.rows = arguments.rows or names
    return arguments


def _print_row(name: str, figures: Figures) -> None:
    text = "  ".join(f"{key} {value:,.2f}" for key, value in figures.items())
    print(f"{name:<9} {text}", flush=True)


def _machine() -> dict[str, str]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": next(
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        "python": platform.python_version(),
    }


if __name__ == "__main__":
    sys.exit(main())
