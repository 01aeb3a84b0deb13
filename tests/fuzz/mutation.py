"""Inputs made from other inputs: by bytes, by words of a target, and as JSON."""

import copy
import json
from collections.abc import Sequence
from random import Random
from typing import Any

MOST_BYTES = 200_000
"""Longest input: long enough for every bound that is meant for one request."""

DEEP = "\x00deep\x00"
"""Stands for a value that Python cannot write: it is nested too deeply."""

NUMBERS = (0, -1, 1, 2**31, 2**63, 2**64, -(2**64), 10**400, 1e308, -0.0, 0.1)
TEXTS = (
    *("", " ", "\x00", "\x1b[31m", "\x9b31m", "\u202e", "\ud800", "\ufeff", "é", "😀"),
    *("a" * 300, "a" * 70_000, "%00", "${HOME}", "../../etc/passwd", "2026-02-30"),
    *("0", "-1", "1e400", "9" * 400, "null", "true", "*", "http://", "//[", "a\r\nb"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, [], {}, [[]], {"": None}, [None], {"a": {"a": {}}}, DEEP),
    *(float("nan"), float("inf")),
    *NUMBERS,
    *TEXTS,
)


class Mutator:
    """Makes inputs, the same ones from the same seed."""

    def __init__(self, random: Random, *, words: Sequence[bytes]) -> None:
        """Take chances from `random`, and now and then one of the target's `words`."""
        self._random = random
        self._words = [*words, *(text.encode("utf-8", "replace") for text in TEXTS)]

    def mutate(self, pool: Sequence[bytes]) -> bytes:
        """Return an input made of one or two of the pool, in a few steps."""
        random = self._random
        data = random.choice(pool)
        if random.random() < 0.5:
            data = self._as_json(data) or data
        for _ in range(random.choice((0, 1, 1, 2, 4, 8))):
            data = self._step(data, random.choice(pool))
        return data[:MOST_BYTES]

    def _step(self, data: bytes, other: bytes) -> bytes:
        random = self._random
        start, end = sorted(random.randrange(len(data) + 1) for _ in range(2))
        end = min(end, start + random.choice((1, 4, 16, 4096)))
        word, part = random.choice(self._words), data[start:end]
        middle = random.choice(
            (
                b"",
                random.randbytes(end - start),
                part + part,
                part * random.choice((10, 1000)),
                word,
                word + part,
                other[start:],
            )
        )
        return data[:start] + middle + data[end:]

    def _as_json(self, data: bytes) -> bytes | None:
        """Change a value inside of JSON, wherever it begins; None: there is none."""
        begin = data.find(b"{")
        try:
            tree, length = json.JSONDecoder().raw_decode(data[begin:].decode())
        except (ValueError, RecursionError):
            return None
        for _ in range(self._random.choice((1, 1, 2, 5))):
            tree = self._changed(tree)
        text = json.dumps(tree).replace(json.dumps(DEEP), self._deep())
        rest = data[begin:].decode()[length:]
        return data[:begin] + text.encode() + rest.encode()

    def _changed(self, tree: Any) -> Any:
        random = self._random
        if not isinstance(tree, dict | list) or not tree or random.random() < 0.1:
            return copy.deepcopy(random.choice(VALUES))
        keys = list(tree) if isinstance(tree, dict) else range(len(tree))
        key = random.choice(keys)
        if random.random() < 0.1:
            del tree[key]
        elif random.random() < 0.05 and isinstance(tree, dict):
            tree[random.choice(TEXTS)] = tree[key]
        else:
            tree[key] = self._changed(tree[key])
        return tree

    def _deep(self) -> str:
        depth = self._random.choice((20, 200, 1100, 10_000))
        opening, closing = self._random.choice((("[", "]"), ('{"a":', "}")))
        return opening * depth + "1" + closing * depth
