"""The manifests, as far as that can be told without a cluster."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

import bridge
from bridge.api.server import SHUTDOWN_SECONDS, is_loopback
from bridge.config import parse_config
from bridge.settings.units import parse_size
from tests.controlplane.build import find_kubectl
from tests.deploy.documents import (
    INSTALL,
    ROOT,
    config,
    container,
    documented,
    documents,
    manifest,
    mounts,
    pod,
)

VERSIONS = [f"1.{minor}" for minor in range(29, 38)]


@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid(version: str) -> None:
    """In each version, with no unknown field."""
    for document in documents(INSTALL):
        kubernetes_validate.validate(document, version, strict=True)


def test_validation_notices_a_typo() -> None:
    """The check above can fail."""
    service = manifest("Service")
    service["spec"]["publishNotReadyAdresses"] = True

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, VERSIONS[0], strict=True)


def test_image_is_of_this_version() -> None:
    """The tag is the package's version."""
    assert container()["image"] == f"kubebridge:{bridge.__version__}"


def test_config_lies_on_the_volumes() -> None:
    """What has to outlive the Pod is on the claim, what is secret in the Secret."""
    server, queue = config().server, config().queue

    assert not is_loopback(server.host)
    assert server.port == container()["ports"][0]["containerPort"]
    assert server.token is not None
    assert str(server.token.file) == f"{mounts()['secrets']}/token"
    assert queue.path.parent == Path(mounts()["queue"])


def test_claim_is_large_enough() -> None:
    """Queue, reserve and a log as large as a quarter of the queue fit on the claim."""
    (claim,) = manifest("StatefulSet")["spec"]["volumeClaimTemplates"]
    size = parse_size(claim["spec"]["resources"]["requests"]["storage"] + "B")
    queue = config().queue

    assert size >= 1.25 * queue.max_size + queue.reserve


def test_kubernetes_waits_for_the_grace_time() -> None:
    """The kill comes later than the end that the bridge takes its time for."""
    needed = config().grace + SHUTDOWN_SECONDS

    assert pod()["terminationGracePeriodSeconds"] >= needed + 10


@pytest.fixture
def render(tmp_path: Path) -> Callable[[str], dict[str, Any]]:
    """Return what renders an overlay and gives its objects by kind."""
    kubectl = find_kubectl()
    if kubectl is None:
        pytest.skip("no kubectl: run `make controlplane`")
    (tmp_path / "kubebridge").symlink_to(ROOT)

    def rendered(overlay: str) -> dict[str, Any]:
        (tmp_path / "kustomization.yaml").write_text(overlay)
        command = [str(kubectl), "kustomize", str(tmp_path)]
        text = subprocess.check_output(command, text=True)
        return {one["kind"]: one for one in yaml.safe_load_all(text)}

    return rendered


def test_manifest_fits_any_family() -> None:
    """A cluster of IPv6 alone, of IPv4 alone, or both (issue 10, item 24)."""
    assert config().server.host == "::"
    assert manifest("Service")["spec"]["ipFamilyPolicy"] == "PreferDualStack"


def test_documented_overlay_for_openshift_leaves_ids_to_the_cluster(
    render: Callable[[str], dict[str, Any]],
) -> None:
    """Nothing but the three fields is dropped (issue 10, item 24)."""
    overlay = {"resources": ["kubebridge/deploy/kubernetes"]}
    patches = yaml.safe_load(documented("securityContext/runAsUser"))

    found = render(yaml.safe_dump(overlay | patches))["StatefulSet"]

    expected = pod()
    for field in ("runAsUser", "runAsGroup", "fsGroup"):
        del expected["securityContext"][field]
    assert found["spec"]["template"]["spec"] == expected


def test_documented_overlay_renders(render: Callable[[str], dict[str, Any]]) -> None:
    """Who follows the documentation gets an own image and configuration."""
    found = render(documented("newName"))
    (only,) = found["StatefulSet"]["spec"]["template"]["spec"]["containers"]
    assert only["image"] == f"registry.example.com/kubebridge:{bridge.__version__}"
    (sink,) = parse_config(
        found["ConfigMap"]["data"]["bridge.yaml"], name="", env={}
    ).sinks
    assert sink.auth.bearer.file == Path(mounts()["secrets"], "hook")
