"""The format tests as CloudEvents publishes them, where somebody has put them.

They are not part of this repository: `git clone -b format-tests` of
`cloudevents/conformance`, then name its `format/json` in `KUBEBRIDGE_FORMAT_TESTS`.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "KUBEBRIDGE_FORMAT_TESTS"
BESIDE = Path(__file__).parents[3] / "shared" / "data" / "cloudevents-format-tests"
FILES = ("valid-events", "invalid-events", "valid-batches", "invalid-batches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One of the published cases.

    Attributes:
        name: What it is called there.
        is_valid: Whether it is to be read or refused.
        is_batch: Which format it is in.
        sample: Cases with the same one mean the same; empty: invalid.
        text: The JSON to read.
    """

    name: str
    is_valid: bool
    is_batch: bool
    sample: str
    text: bytes


def find_folder() -> Path | None:
    """Return where the files are; None: nowhere."""
    named = os.environ.get(VARIABLE)
    folder = Path(named) if named else BESIDE
    return folder if all((folder / f"{one}.json").is_file() for one in FILES) else None


def load(folder: Path) -> list[Original]:
    """Return all cases of the four files."""
    return [one for name in FILES for one in _read(folder / f"{name}.json")]


def _read(path: Path) -> Iterator[Original]:
    document = json.loads(path.read_text("utf-8-sig"))
    for test in document["tests"]:
        kind = test.get("testType", document["testType"])
        yield Original(
            name=test["id"],
            is_valid=kind.startswith("Valid"),
            is_batch=kind.endswith("Batch"),
            sample=test.get("sampleId", ""),
            text=json.dumps(test.get("event", test.get("batch"))).encode(),
        )
