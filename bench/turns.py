"""Rows measured in turns: this build, the other, this one again; and their ratios."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from bench.candidates import Candidate
from bench.rows import Figures

Measure = Callable[[Candidate], Figures]
"""Measures one row of one build."""

_NOT_COMPARED = frozenset({"duplicates", "connections", "queued"})


def in_turns(
    measure: Measure, candidates: Sequence[Candidate], *, rounds: int
) -> dict[str, list[Figures]]:
    """Return the figures of each round, by the name of the build.

    Args:
        measure: What is measured.
        candidates: The builds; each round begins with another one.
        rounds: How often each is measured.
    """
    found: dict[str, list[Figures]] = {one.name: [] for one in candidates}
    for turn in range(rounds):
        shift = turn % len(candidates)
        for candidate in [*candidates[shift:], *candidates[:shift]]:
            found[candidate.name].append(measure(candidate))
    return found


def compared(
    ours: Sequence[Figures], theirs: Sequence[Figures]
) -> dict[str, dict[str, float]]:
    """Return for each figure both medians and the ratio of ours to theirs.

    The ratio is that of the figures of one round; its median, least and most are
    told.
    """
    rows = {}
    for key in ours[0].keys() & theirs[0].keys() - _NOT_COMPARED:
        ratios = [
            mine[key] / other[key]
            for mine, other in zip(ours, theirs, strict=True)
            if other[key]
        ]
        if not ratios:
            continue
        rows[key] = {
            "here": statistics.median(one[key] for one in ours),
            "against": statistics.median(one[key] for one in theirs),
            "ratio": statistics.median(ratios),
            "ratio_least": min(ratios),
            "ratio_most": max(ratios),
        }
    return dict(sorted(rows.items()))


def print_compared(name: str, rows: Mapping[str, Mapping[str, float]]) -> None:
    """Print a line for each figure of a row."""
    for key, one in rows.items():
        print(
            f"{name:<12} {key:<20} {one['here']:>12,.2f} against "
            f"{one['against']:>12,.2f}  ratio {one['ratio']:.2f} "
            f"({one['ratio_least']:.2f} to {one['ratio_most']:.2f})",
            flush=True,
        )
