"""Run all rows and print a table and JSON: `make bench`."""

import argparse
import asyncio
import json
import platform
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench import resources, rows
from bench.load import Writer
from bench.rows import Figures
from tests.controlplane.build import find_binaries
from tests.controlplane.cluster import ControlPlane


def main() -> int:
    """Measure; return the exit code."""
    arguments = _arguments()
    binaries = find_binaries()
    if isinstance(binaries, str):
        print(f"bench: {binaries}", file=sys.stderr)
        return 2
    results: dict[str, Figures] = {}
    with (
        tempfile.TemporaryDirectory(prefix="kubebridge-bench-") as folder,
        ControlPlane(folder=Path(folder), binaries=binaries) as plane,
    ):
        wanted = arguments.rows
        count = arguments.events
        if any(name in wanted for name in ("single", "slow", "batch", "start")):
            asyncio.run(Writer(plane.apiserver).fill(count, prefix="fill"))
        for name, measure in _rows(plane, count).items():
            if name in wanted:
                results[name] = measure()
                _print_row(name, results[name])
        if "memory" in wanted:
            more = max(0, arguments.retained - count)
            asyncio.run(Writer(plane.apiserver).fill(more, prefix="more"))
            results["memory"] = rows.memory(plane, arguments.retained)
            _print_row("memory", results["memory"])
        for name, measure in _late_rows(plane, arguments).items():
            if name in wanted:
                results[name] = measure()
                _print_row(name, results[name])
    print(json.dumps({"machine": _machine(), "rows": results}, indent=1))
    return 0


def _rows(plane: ControlPlane, count: int) -> dict[str, Callable[[], Figures]]:
    return {
        "single": lambda: rows.throughput(plane, count, delay_ms=0),
        "slow": lambda: rows.throughput(plane, count, delay_ms=20),
        "batch": lambda: rows.throughput(plane, count, delay_ms=0, batch=50),
        "latency": lambda: rows.latency(plane, per_second=300, seconds=20),
        "start": lambda: rows.start(plane),
        "help": rows.help_text,
    }


def _late_rows(
    plane: ControlPlane, arguments: argparse.Namespace
) -> dict[str, Callable[[], Figures]]:
    """Return the rows that leave much behind in the cluster."""
    return {
        "catchup": lambda: resources.catch_up(plane, arguments.events),
        "unwanted": lambda: resources.unwanted(plane, arguments.changes),
        "pods": lambda: resources.pods(plane, arguments.pods),
    }


def _arguments() -> argparse.Namespace:
    names = ["single", "slow", "batch", "latency", "start", "help", "memory"]
    names += ["catchup", "unwanted", "pods"]
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--retained", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--pods", type=int, default=100_000)
    parser.add_argument("rows", nargs="*", help=f"of {names}; none: all")
    arguments = parser.parse_args()
    arguments.rows = arguments.rows or names
    return arguments


def _print_row(name: str, figures: Figures) -> None:
    text = "  ".join(f"{key} {value:,.2f}" for key, value in figures.items())
    print(f"{name:<8} {text}", flush=True)


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
