"""What `deploy/` says, as data."""

from pathlib import Path
from typing import Any

import yaml

from bridge.config import Config, parse_config

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
INSTALL = MANIFESTS / "install.yaml"


def documents(path: Path) -> list[dict[str, Any]]:
    """Return the documents of a YAML file."""
    return list(yaml.safe_load_all(path.read_text()))


def manifest(kind: str) -> dict[str, Any]:
    """Return the one object of a kind."""
    found = [one for one in documents(INSTALL) if one["kind"] == kind]
    assert len(found) == 1, f"expected one {kind}, got {len(found)}"
    return found[0]


def pod() -> dict[str, Any]:
    """Return the spec of the StatefulSet's Pod."""
    spec: dict[str, Any] = manifest("StatefulSet")["spec"]["template"]["spec"]
    return spec


def mounts() -> dict[str, str]:
    """Return where each volume is mounted, by its name."""
    return {one["name"]: one["mountPath"] for one in container()["volumeMounts"]}


def container() -> dict[str, Any]:
    """Return the one container."""
    (only,) = pod()["containers"]
    found: dict[str, Any] = only
    return found


def config_text() -> str:
    """Return the bridge.yaml of the ConfigMap."""
    text: str = manifest("ConfigMap")["data"]["bridge.yaml"]
    return text


def config() -> Config:
    """Return the bridge.yaml of the ConfigMap, checked."""
    return parse_config(config_text(), name=f"{mounts()['config']}/bridge.yaml", env={})


def documented(text: str) -> str:
    """Return the one YAML example of docs/deploy.md that contains a text."""
    examples = (ROOT / "docs" / "deploy.md").read_text().split("```yaml\n")[1:]
    found = [
        one.partition("```")[0] for one in examples if text in one.partition("```")[0]
    ]
    assert len(found) == 1, f"expected one example with {text!r}, got {len(found)}"
    return found[0]
