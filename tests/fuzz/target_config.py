"""The configuration: any text is either usable or refused with lines for people."""

import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from bridge.config import describe, find_problems, parse_config
from bridge.config.parts import build_router, find_unusable
from bridge.metrics import Metrics
from bridge.sinks.transports.egress import Egress
from tests.fuzz.campaign import Finding
from tests.unit.app.building import build_sinks

ROOT = Path(__file__).parents[2]
MOST_SECONDS = 20.0
_KEY = re.compile(r'"([A-Za-z_]+)"')


class ConfigRun:
    """Checks a text, and builds what `validate` accepts."""

    async def try_one(self, data: bytes) -> None:
        """See `Run`."""
        text = data.decode("utf-8", "replace")
        began = time.monotonic()
        problems = find_problems(text, name="fuzz.yaml", env={}, check=find_unusable)
        if time.monotonic() - began > MOST_SECONDS:
            raise Finding(f"slow: {len(data)} bytes took {MOST_SECONDS} s and more")
        for line in problems:
            if not line.isprintable():
                raise Finding(f"unprintable: {line!r}")
        if not problems:
            await self._build(text)

    async def _build(self, text: str) -> None:
        config = parse_config(text, name="fuzz.yaml", env={})
        json.dumps(describe(config), allow_nan=False)
        build_router(config)
        egress = Egress.of(config.egress)
        async with build_sinks(config, egress=egress, metrics=Metrics(version="1")):
            pass


class ConfigTarget:
    """Configurations, from all that the documentation shows."""

    name = "config"
    at_once = 1
    words: Sequence[bytes] = tuple(
        word.encode()
        for word in (
            *sorted(set(_KEY.findall((ROOT / "docs/config.schema.json").read_text()))),
            *("&a ", "*a", "<<: ", "!!int ", "!!binary ", "!!python/object ", "? "),
            *("- ", ": ", "\n", "\n  ", "|\n", ">-\n", "---\n", "...\n", "%YAML 9.9\n"),
            *("{", "}", "[", "]", "#", "'", '"', "\t", "~", ".inf", ".nan", "0o7"),
        )
    )

    def seeds(self) -> Mapping[str, bytes]:
        """See `Target`."""
        files = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
        texts = [
            text.encode()
            for file in files
            for text in re.findall(r"```yaml\n(.*?)```", file.read_text(), re.DOTALL)
        ]
        return {f"example-{number}": text for number, text in enumerate(texts)}

    @asynccontextmanager
    async def open(self, folder: Path) -> AsyncIterator[ConfigRun]:
        """See `Target`."""
        yield ConfigRun()
