"""The chart: what is generated of it, what helm renders, and what it refuses."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import bridge
from bridge.config import parse_config
from tests.controlplane.cluster import ControlPlane
from tests.deploy.chart import (
    CHART,
    VALUES,
    generated,
    golden,
    helm,
    install_manifests,
    objects,
    render,
)
from tests.deploy.documents import INSTALL, ROOT, documented
from tests.deploy.test_kubernetes import VERSIONS
from tests.deploy.tools import HELM, MODULE

SINK = "config: {sinks: [{name: hook, url: https://hook.example.com/}]}\n"
OF_OPERATOR = "monitoring.coreos.com/v1"


def one_of(kind: str, text: str) -> dict[str, Any]:
    """Return the one object of a kind in rendered manifests."""
    (found,) = [one for one in objects(text) if one["kind"] == kind]
    return found


def name_of(file: Path) -> str:
    """Return the name of a test's case."""
    return file.stem


@pytest.mark.parametrize("place", [0, 1], ids=["schema", "kinds"])
def test_generated_files_are_in_step(place: int) -> None:
    """`make chart` brings them there."""
    path, text = list(generated())[place]

    assert path.read_text() == text


def test_chart_is_of_this_version() -> None:
    """And so is the image that it names."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["version"] == chart["appVersion"] == bridge.__version__


def test_helm_is_the_one_that_go_mod_pins() -> None:
    """A changed pin changes the folder, so that no old binary is taken."""
    assert f"helm.sh/helm/v4 v{HELM} " in (MODULE / "go.mod").read_text()


@pytest.mark.parametrize("values", VALUES, ids=name_of)
def test_lint_finds_nothing(values: Path) -> None:
    """But for the icon, which is a recommendation."""
    done = helm("lint", "--strict", str(CHART), "-f", str(values))

    assert not done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("values", VALUES, ids=name_of)
def test_render_is_the_golden_one(values: Path) -> None:
    """A change of what is installed is seen in review; `make chart` takes it."""
    assert render(values) == golden(values).read_text()


def test_manifests_without_helm_are_the_charts() -> None:
    """One source for both ways to install; `make chart` takes a change."""
    assert install_manifests() == INSTALL.read_text()


@pytest.mark.parametrize("version", [VERSIONS[0], VERSIONS[-1]])
@pytest.mark.parametrize("values", VALUES, ids=name_of)
def test_golden_render_is_valid(values: Path, version: str) -> None:
    """In the oldest and the newest version, with no unknown field."""
    for one in objects(golden(values).read_text()):
        if one["apiVersion"] != OF_OPERATOR:
            kubernetes_validate.validate(one, version, strict=True)


@pytest.mark.parametrize("values", VALUES, ids=name_of)
def test_configuration_arrives_as_it_was_written(values: Path) -> None:
    """The bridge reads the same settings, joined with the chart's own."""
    given = yaml.safe_load(values.read_text())["config"]
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())["config"]
    queue = defaults["queue"] | given.get("queue", {})
    text = one_of("ConfigMap", bridge_only(values))["data"]["bridge.yaml"]

    expected = yaml.safe_dump(defaults | given | {"queue": queue})

    assert parse_config(text, name="", env={}) == parse_config(
        expected, name="", env={}
    )


def bridge_only(values: Path) -> str:
    """Return the golden render without the dashboard's ConfigMap."""
    found = objects(golden(values).read_text())
    kept = [one for one in found if not one["metadata"]["name"].endswith("-dashboard")]
    return yaml.safe_dump_all(kept)


def test_large_numbers_stay_whole() -> None:
    """Helm reads numbers as floats, and writes 1e+06 if it is not kept from it."""
    text = render(SINK.replace("hook,", "hook, maxBacklog: 12000000,"))

    config = yaml.safe_load(one_of("ConfigMap", text)["data"]["bridge.yaml"])
    assert config["sinks"][0]["maxBacklog"] == 12_000_000


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("{}", "expected at least one sink"),
        ("config: {sinks: [{name: hook, ulr: https://h/}]}", "ulr"),
        ("config: {sinks: [{name: hook, url: https://h/, timeout: 5}]}", "timeout"),
        (SINK + "netwrokPolicy: {enabled: true}", "netwrokPolicy"),
        (SINK + "image: {tag: 1.10}", "/image/tag"),
        (SINK.replace("{sinks", "{sources: [{kind: Widget}], sinks"), "widget"),
    ],
)
def test_mistake_fails_before_anything_is_installed(values: str, message: str) -> None:
    """With what is wrong."""
    done = helm("template", "x", str(CHART), "-f", "-", stdin=values)

    assert done.returncode
    assert message in done.stderr


def test_sink_may_come_from_the_environment() -> None:
    """A SinkBinding sets K_SINK; the configuration then needs none."""
    text = render("sinkFromEnvironment: true")

    config = one_of("ConfigMap", text)["data"]["bridge.yaml"]
    found = parse_config(config, name="", env={"K_SINK": "https://broker.example.com/"})
    assert [sink.name for sink in found.sinks] == ["k-sink"]


def test_changed_configuration_replaces_the_pod() -> None:
    """The Pod's template differs, unless that is not wanted."""
    other = SINK.replace("hook.example", "other.example")
    off = "restartOnConfigChange: false\n"

    pods = [
        one_of("StatefulSet", render(text))["spec"]["template"]
        for text in (SINK, other, SINK + off, other + off)
    ]

    assert pods[0] != pods[1]
    assert pods[2] == pods[3]


@pytest.mark.e2e
@pytest.mark.timeout(300)
@pytest.mark.parametrize("values", VALUES, ids=name_of)
def test_api_server_takes_the_render(control_plane: ControlPlane, values: Path) -> None:
    """What a real API server checks of each object, in a restricted namespace."""
    api = control_plane.apiserver
    found = objects(golden(values).read_text())
    for name in ("kubebridge", "shop", "billing"):
        namespace = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name},
        }
        label = {"pod-security.kubernetes.io/enforce": "restricted"}
        namespace["metadata"]["labels"] = label
        api.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(namespace))
    # The operator's kinds are not served here, and this cluster is one of IPv4.
    ours = [one for one in found if one["apiVersion"] != OF_OPERATOR]
    for one in ours:
        one.get("spec", {}).pop("ipFamilies", None)

    said = api.kubectl(
        *("apply", "--dry-run=server", "--validate=strict", "-f", "-"),
        stdin=yaml.safe_dump_all(ours),
    )

    assert said.count("(server dry run)") == len(ours)


def test_documented_values_render() -> None:
    """Who follows the documentation gets an own image and sink."""
    text = render(documented("repository:"))

    (container,) = one_of("StatefulSet", text)["spec"]["template"]["spec"]["containers"]
    assert container["image"] == f"registry.example.com/kubebridge:{bridge.__version__}"
    config = one_of("ConfigMap", text)["data"]["bridge.yaml"]
    (sink,) = parse_config(config, name="", env={}).sinks
    assert str(sink.auth.bearer.file) == "/run/secrets/kubebridge/hook"


def test_documentation_names_each_value() -> None:
    """The table has all that can be set, and nothing else."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    page = (ROOT / "docs" / "deploy.md").read_text()
    table = page.partition("| Value | Default |")[2].partition("\n\n")[0]
    cells = [row.split("|")[1] for row in table.splitlines()[2:]]

    named = {
        name.partition(".")[0] for name in re.findall(r"`(\w[\w.]*)`", " ".join(cells))
    }

    assert named == values.keys() - {"nameOverride", "fullnameOverride"}
