"""docker-compose.yml, as far as that can be told without a container engine."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import bridge
from bridge.config import Config, load_config
from tests.deploy.documents import ROOT, documents

COMPOSE = ROOT / "docker-compose.yml"
FOLDER = ROOT / "deploy" / "compose"


def services() -> dict[str, dict[str, Any]]:
    """Return the services by name."""
    (compose,) = documents(COMPOSE)
    found: dict[str, dict[str, Any]] = compose["services"]
    return found


def config() -> Config:
    """Return the configuration of the bridge in it."""
    return load_config(FOLDER / "bridge.yaml", {})


def is_valid(file: Path) -> bool:
    """Whether a file follows the Compose specification's schema."""
    tool = Path(sys.executable).with_name("check-jsonschema")
    command = [str(tool), "--builtin-schema", "vendor.compose-spec", str(file)]
    return not subprocess.run(command, capture_output=True, check=False).returncode


def test_file_follows_the_specification() -> None:
    """The Compose specification's schema accepts it."""
    assert is_valid(COMPOSE)


def test_schema_notices_a_typo(tmp_path: Path) -> None:
    """The check above can fail."""
    faulty = tmp_path / "docker-compose.yml"
    faulty.write_text(COMPOSE.read_text().replace("healthcheck:", "healtcheck:"))

    assert not is_valid(faulty)


def test_ports_are_open_to_this_machine_only() -> None:
    """Nobody else reaches a cluster without credentials."""
    ports = [port for service in services().values() for port in service["ports"]]

    assert len(ports) == len(services())
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_images_are_pinned() -> None:
    """No image changes by itself, and ours is of this version."""
    images = {name: service["image"] for name, service in services().items()}

    assert images.pop("bridge") == f"kubebridge:{bridge.__version__}"
    for image in images.values():
        # A variable, so that it can be named by digest (issue 10, item 50).
        assert re.fullmatch(r"\$\{[A-Z]+_IMAGE:-[a-z0-9./-]+:v[a-z0-9.-]+\}", image)


def test_config_names_services() -> None:
    """Receiver and API server are what their services are called."""
    (kubeconfig,) = documents(FOLDER / "kubeconfig")
    server = urlsplit(kubeconfig["clusters"][0]["cluster"]["server"])
    (sink,) = config().sinks

    assert config().cluster.kubeconfig == FOLDER / "kubeconfig"
    assert {server.hostname, urlsplit(sink.url).hostname} == set(services()) - {
        "bridge"
    }


def test_engine_waits_for_the_grace_time() -> None:
    """The kill comes later than the end that the bridge takes its time for."""
    wait = float(services()["bridge"]["stop_grace_period"].removesuffix("s"))

    assert wait >= config().grace + 10
