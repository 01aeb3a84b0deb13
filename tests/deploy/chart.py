"""What is generated of the chart, and what helm makes of it.

Run as `python -m tests.deploy.chart`, or `make chart`: it writes the schema of the
values, the table of kinds, the manifests without Helm, and the golden renders.
"""

import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import yaml

from bridge.cluster.builtin import BUILTIN
from bridge.config import json_schema
from bridge.ingest.settings import EnrichConfig
from tests.deploy.documents import INSTALL, ROOT
from tests.deploy.tools import find_helm, helm_path

CHART = ROOT / "deploy" / "chart"
GOLDEN = Path(__file__).parent / "golden"
VALUES = sorted((CHART / "ci").glob("*-values.yaml"))

_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    str: "string",
    list: "array",
}
_OF_KUBERNETES = {
    *("resources", "podSecurityContext", "securityContext", "podAnnotations"),
    "labels",
}
"""Values that are copied: their keys are Kubernetes' own, or free."""

_HEADER = "# Generated from {}: make chart\n"
_LABELS_OF_HELM = r"app\.kubernetes\.io/(managed-by|instance|version)|helm\.sh/chart"
_OF_HELM = re.compile(rf" *({_LABELS_OF_HELM}|checksum/config):|# Source:")
_NAMESPACE = """apiVersion: v1
kind: Namespace
metadata:
  name: kubebridge
  labels:
    app.kubernetes.io/name: kubebridge
    # The API server refuses any Pod here that could do more than the bridge needs.
    pod-security.kubernetes.io/enforce: restricted
    pod-security.kubernetes.io/warn: restricted
"""


def values_schema() -> dict[str, Any]:
    """Return the schema of the chart's values.

    `config` is as the bridge's own models say; each other value has the type of its
    default.
    """
    config = json_schema()
    defs = config.pop("$defs")
    dialect = config.pop("$schema")
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())
    schema = _schema_of({key: v for key, v in defaults.items() if key != "config"})
    schema["properties"] |= {
        "config": {"$ref": "#/$defs/Config"},
        "global": {"type": "object"},
    }
    return {"$schema": dialect, **schema, "$defs": {**defs, "Config": config}}


def _schema_of(value: Any, name: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {"type": _TYPES[type(value)]}
    if not value or name in _OF_KUBERNETES:
        return {"type": "object"}
    properties = {key: _schema_of(one, key) for key, one in value.items()}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def kinds() -> dict[str, Any]:
    """Return the kinds that the chart knows without asking a cluster."""
    rows = [
        {
            "group": one.group,
            "kind": one.kind,
            "plural": one.plural,
            "namespaced": one.namespaced,
        }
        for one in BUILTIN.values()
    ]
    return {"kinds": rows, "enriched": list(EnrichConfig().kinds)}


def helm(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run helm."""
    return subprocess.run(
        [find_helm(), *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def render(values: str | Path, *words: str) -> str:
    """Return the manifests of a release named kubebridge in a namespace so named.

    Args:
        values: A file, or the text of one.
        words: More for the command line.
    """
    is_file = isinstance(values, Path)
    given = ["-f", str(values) if is_file else "-"]
    where = ["template", "kubebridge", str(CHART), "-n", "kubebridge"]
    done = helm(*where, *given, *words, stdin="" if is_file else str(values))
    assert not done.returncode, done.stderr
    return done.stdout


def objects(text: str) -> list[dict[str, Any]]:
    """Return the objects of rendered manifests."""
    return [one for one in yaml.safe_load_all(text) if one]


def golden(values: Path) -> Path:
    """Return where the render of a file of values is kept."""
    return GOLDEN / values.name.replace("-values", "")


def install_manifests() -> str:
    """Return the chart's objects as they are without Helm, in a namespace of theirs."""
    text = render(CHART / "ci" / "minimal-values.yaml", "--skip-tests")
    lines = [line for line in text.splitlines() if not _OF_HELM.match(line)]
    return _HEADER.format("deploy/chart") + _NAMESPACE + "\n".join(lines) + "\n"


def generated() -> Iterator[tuple[Path, str]]:
    """Yield each file that is generated without helm, and what it should hold."""
    yield CHART / "values.schema.json", json.dumps(values_schema(), indent=1) + "\n"
    text = yaml.safe_dump(kinds(), sort_keys=False, default_flow_style=None)
    yield (
        CHART / "files" / "kinds.yaml",
        _HEADER.format("bridge.cluster.builtin") + text,
    )


def rendered() -> Iterator[tuple[Path, str]]:
    """Yield each file that helm is needed for, and what it should hold."""
    yield INSTALL, install_manifests()
    for values in VALUES:
        yield golden(values), render(values)


def main() -> None:
    """Write all of them; without helm those that need none."""
    has_helm = helm_path().is_file()
    for path, text in chain(generated(), rendered() if has_helm else ()):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    if not has_helm:
        sys.stdout.write("no helm, so no manifests and golden renders: make helm\n")


if __name__ == "__main__":
    main()
