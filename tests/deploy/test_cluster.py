"""The manifests on a real API server, and the bridge under what they grant.

No image can be run here: the Pod runs on a simulated node, and beside it a process of
the bridge has the Pod's ServiceAccount and configuration.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
import yaml

from tests.controlplane.access import write_kubeconfig
from tests.controlplane.apiserver import ApiServer
from tests.controlplane.build import find_binaries
from tests.controlplane.process import ControlPlaneError, Server
from tests.deploy.chart import CHART, golden, helm, objects
from tests.deploy.conftest import VOLUME
from tests.deploy.documents import (
    INSTALL,
    ROOT,
    config,
    config_text,
    container,
    documented,
)
from tests.deploy.tools import find_helm
from tests.e2e.bridge import TOKEN, Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer
from tests.ports import free_port

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ACCOUNT = ("kubebridge", "kubebridge")
"""Namespace and name of the ServiceAccount."""

GRANTED = [
    "GET /api/v1/events",
    "GET /api/v1/namespaces/shop/events",
    "GET /api/v1/namespaces/kube-system",
]
REFUSED = [
    "GET /api/v1/namespaces/shop/events/some",
    "POST /api/v1/namespaces/shop/events",
    "DELETE /api/v1/namespaces/shop/events",
    "GET /apis/events.k8s.io/v1/events",
    "GET /api/v1/namespaces",
    "GET /api/v1/namespaces/shop",
    "PATCH /api/v1/namespaces/kube-system",
    "GET /api/v1/pods",
    "GET /api/v1/namespaces/kubebridge/secrets",
    "GET /api/v1/namespaces/kubebridge/configmaps/kubebridge",
    "GET /apis/coordination.k8s.io/v1/namespaces/kubebridge/leases",
]


def bridge_in(folder: Path, api: ApiServer, sinks: Any, **more: Any) -> Bridge:
    """Return a bridge that has the ConfigMap's configuration and the Pod's rights."""
    kubeconfig = folder / "kubeconfig"
    write_kubeconfig(
        kubeconfig,
        url=api.url,
        certificate_authority=api.certificate_authority,
        user="kubebridge",
        token=api.service_account_token(*ACCOUNT),
    )
    document = yaml.safe_load(config_text()) | {"sinks": sinks}
    document["queue"]["path"] = str(folder / "queue.db")
    del document["server"]
    return Bridge(folder=folder, kubeconfig=kubeconfig, **document, **more)


def hook(receiver: Receiver) -> list[dict[str, str]]:
    """Return the configuration of a sink."""
    return [{"name": "hook", "url": receiver.url}]


def write_events(api: ApiServer, namespace: str, count: int) -> list[str]:
    """Create Events and return the ids of their CloudEvents."""
    writer = Writer(api, namespace)
    writer.fill(count, prefix=uuid4().hex, repeats=0)
    return writer.ids


@contextmanager
def kubectl_proxy(api: ApiServer, port: int, folder: Path) -> Iterator[None]:
    """Serve the API on a port without TLS and credentials."""
    binaries = find_binaries("kubectl")
    assert not isinstance(binaries, str)
    config = f"--kubeconfig={api.kubeconfig()}"
    command = [str(binaries["kubectl"]), config, "proxy", f"--port={port}"]
    server = Server(name="kubectl proxy", command=command, log=folder / "proxy.log")
    server.start(lambda: "Starting to serve" in server.log_tail())
    try:
        yield
    finally:
        server.stop()


@pytest.fixture(scope="module", autouse=True)
def shop(cluster: ApiServer) -> None:
    """Add a namespace to read from."""
    cluster.kubectl("create", "namespace", "shop")


def test_pod_security_admits_the_pod_and_nothing_laxer(cluster: ApiServer) -> None:
    """The namespace enforces `restricted`; our Pod passes, a usual one does not."""
    pod = cluster.request("GET", "/api/v1/namespaces/kubebridge/pods/kubebridge-0")
    assert pod["status"]["phase"] == "Running"

    with pytest.raises(ControlPlaneError, match='violates PodSecurity "restricted'):
        cluster.kubectl("-n", "kubebridge", "run", "lax", "--image=nginx")


@pytest.mark.parametrize("request_line", GRANTED)
def test_role_grants_what_is_needed(cluster: ApiServer, request_line: str) -> None:
    """The ServiceAccount may read Events and the uid of kube-system."""
    token = cluster.service_account_token(*ACCOUNT)

    assert cluster.request(*request_line.split(), token=token)["metadata"]


@pytest.mark.parametrize("request_line", REFUSED)
def test_role_grants_nothing_else(cluster: ApiServer, request_line: str) -> None:
    """Anything else is refused."""
    token = cluster.service_account_token(*ACCOUNT)

    with pytest.raises(httpx.HTTPStatusError, match="403 Forbidden"):
        cluster.request(*request_line.split(), body={}, token=token)


def test_bridge_delivers_with_these_rights(
    cluster: ApiServer, receiver: Receiver, tmp_path: Path
) -> None:
    """Configuration and Role are enough: it gets ready, and each Event arrives."""
    with bridge_in(tmp_path, cluster, hook(receiver)) as bridge:
        bridge.start_and_wait()

        ids = write_events(cluster, "shop", 20)

        wait_until(lambda: set(ids) <= set(receiver.ledger.ids()))
        assert bridge.stop() == 0


@pytest.fixture
def exposed(cluster: ApiServer, receiver: Receiver, tmp_path: Path) -> Iterator[Bridge]:
    """Run a bridge that listens on all addresses, as in a Pod, without the Secret."""
    with bridge_in(tmp_path, cluster, hook(receiver)) as bridge:
        server = bridge.document["server"] | {"host": config().server.host}
        bridge.write(bridge.document | {"server": server})
        (tmp_path / "api-token").unlink()
        bridge.start_and_wait()
        yield bridge


def test_probes_and_metrics_need_no_token(exposed: Bridge) -> None:
    """The kubelet and Prometheus have none."""
    probes = [value for key, value in container().items() if key.endswith("Probe")]
    paths = {probe["httpGet"]["path"] for probe in probes} | {"/startupz", "/metrics"}

    answers = {path: exposed.get(path).status_code for path in paths}

    assert answers == dict.fromkeys(paths, httpx.codes.OK)


def test_probes_are_answered_on_both_families(exposed: Bridge) -> None:
    """On an IPv6-only cluster the kubelet comes by IPv6 (issue 10, item 24)."""
    urls = [f"http://{host}:{exposed.port}/readyz" for host in ("127.0.0.1", "[::1]")]

    answers = [httpx.get(url, trust_env=False).status_code for url in urls]

    assert answers == [httpx.codes.OK] * 2


def test_api_opens_once_the_secret_is_there(exposed: Bridge, tmp_path: Path) -> None:
    """Without a token it is shut; a Secret that is added later needs no restart."""
    assert exposed.get("/api/v1/sinks").status_code == httpx.codes.FORBIDDEN

    (tmp_path / "api-token").write_text(TOKEN)
    wait_until(lambda: exposed.get("/api/v1/sinks").is_success)

    url = f"--url=http://127.0.0.1:{exposed.port}"
    verb = ["sinks", "list", url, f"--token-file={tmp_path / 'api-token'}"]
    command = [sys.executable, "-m", "bridge", *verb]
    assert "hook" in subprocess.check_output(command, text=True)


def test_bridge_is_not_ready_without_its_role(
    cluster: ApiServer, receiver: Receiver, tmp_path: Path
) -> None:
    """It says what is refused, and lives on."""
    cluster.kubectl("delete", "clusterrolebinding", "kubebridge")
    with bridge_in(tmp_path, cluster, hook(receiver)) as bridge:
        bridge.start()

        wait_until(lambda: 'cannot list resource "events"' in readiness(bridge))

        assert bridge.get("/livez").is_success
    cluster.kubectl("apply", "-f", str(INSTALL))


def readiness(bridge: Bridge) -> str:
    """Return what the readiness probe says; empty: nothing yet."""
    try:
        return bridge.get("/readyz").text
    except httpx.TransportError:
        return ""


def test_bridge_may_be_confined_to_a_namespace(
    cluster: ApiServer, receiver: Receiver, tmp_path: Path
) -> None:
    """With the Roles that the verb prints it reads that namespace, and no other."""
    sources = yaml.safe_load(documented("namespaces: [shop]"))
    with bridge_in(tmp_path, cluster, hook(receiver), **sources) as bridge:
        cluster.kubectl("apply", "-f", "-", stdin=roles_of(bridge))
        bridge.start_and_wait()
        token = cluster.service_account_token(*ACCOUNT)
        with pytest.raises(httpx.HTTPStatusError, match="403 Forbidden"):
            cluster.request("GET", "/api/v1/events", token=token)

        ids = write_events(cluster, "shop", 20)

        wait_until(lambda: set(ids) <= set(receiver.ledger.ids()))
    cluster.kubectl("apply", "-f", str(INSTALL))


def roles_of(bridge: Bridge) -> str:
    """Return what `kubebridge rbac` prints for the bridge's configuration."""
    command = [sys.executable, "-m", "bridge", "rbac", "-c", str(bridge.config)]
    return subprocess.check_output(command, text=True)


def test_sink_binding_supplies_the_sink(
    cluster: ApiServer, receiver: Receiver, tmp_path: Path
) -> None:
    """What Knative puts into the Pod's environment is enough."""
    overrides = '{"extensions": {"team": "shop"}}'
    environment = {"K_SINK": receiver.url, "K_CE_OVERRIDES": overrides}
    sinks = yaml.safe_load(documented("profile: knative"))["sinks"]
    with bridge_in(tmp_path, cluster, sinks, environment=environment) as bridge:
        bridge.start_and_wait()

        ids = write_events(cluster, "shop", 5)

        wait_until(lambda: set(ids) <= set(receiver.ledger.ids()))
        assert {event["team"] for event in receiver.ledger.events()} == {"shop"}


def test_compose_reads_through_a_proxy_without_credentials(
    cluster: ApiServer, receiver: Receiver, tmp_path: Path
) -> None:
    """Its kubeconfig fits `kubectl proxy`, which kwok's cluster image runs."""
    port, kubeconfig = free_port(), tmp_path / "kubeconfig"
    text = (ROOT / "deploy/compose/kubeconfig").read_text()
    kubeconfig.write_text(text.replace("cluster:8080", f"127.0.0.1:{port}"))
    with (
        kubectl_proxy(cluster, port, tmp_path),
        Bridge(folder=tmp_path, kubeconfig=kubeconfig, sinks=hook(receiver)) as bridge,
    ):
        bridge.start_and_wait()

        ids = write_events(cluster, "shop", 20)

        wait_until(lambda: set(ids) <= set(receiver.ledger.ids()))


HELM_VALUES = """
config: {sinks: [{name: hook, url: "https://hook.invalid/"}]}
networkPolicy: {enabled: true}
podDisruptionBudget: {enabled: true}
grafanaDashboard: {enabled: true}
"""


def with_helm(api: ApiServer, verb: str, *words: str, values: str = "") -> str:
    """Run helm on the release `bridge` in the namespace `helm`."""
    where = ("-n", "helm", f"--kubeconfig={api.kubeconfig()}")
    done = helm(verb, "bridge", *words, *where, stdin=values)
    assert not done.returncode, done.stderr
    return done.stdout


@pytest.fixture
def namespace(cluster: ApiServer) -> str:
    """Return a namespace that admits restricted Pods only, and has a volume."""
    find_helm()
    label = "pod-security.kubernetes.io/enforce=restricted"
    cluster.kubectl("create", "namespace", "helm")
    cluster.kubectl("label", "namespace", "helm", label)
    volume = VOLUME.replace("name: queue", "name: of-helm")
    cluster.kubectl("apply", "-f", "-", stdin=volume)
    return "helm"


def test_helm_installs_upgrades_and_removes(cluster: ApiServer, namespace: str) -> None:
    """A changed configuration replaces the Pod; what waits outlives the release."""
    path = f"/api/v1/namespaces/{namespace}/pods/bridge-kubebridge-0"
    chart = (str(CHART), "-f", "-")
    said = with_helm(cluster, "install", *chart, "--wait", values=HELM_VALUES)
    assert "port-forward bridge-kubebridge-0 8080" in said
    first = cluster.request("GET", path)
    changed = HELM_VALUES.replace("hook.invalid", "other.invalid")

    with_helm(cluster, "upgrade", *chart, "--wait", values=changed)

    second = cluster.request("GET", path)
    assert first["metadata"]["uid"] != second["metadata"]["uid"]
    assert second["status"]["phase"] == "Running"
    with_helm(cluster, "uninstall", "--wait")
    left = cluster.kubectl("-n", namespace, "get", "pvc,sa,role,svc,sts", "-o", "name")
    assert left.split() == [
        "persistentvolumeclaim/queue-bridge-kubebridge-0",
        "serviceaccount/default",
    ]


def test_what_helm_test_runs_passes(
    exposed: Bridge, receiver: Receiver, tmp_path: Path
) -> None:
    """The containers of its Pod, with the bridge's address and files."""
    (tmp_path / "api-token").write_text(TOKEN)
    wait_until(lambda: exposed.get("/api/v1/sinks").is_success)
    text = golden(CHART / "ci" / "everything-values.yaml").read_text()
    (pod,) = [one for one in objects(text) if one["kind"] == "Pod"]
    address = f"http://127.0.0.1:{exposed.port}"
    for one in pod["spec"]["containers"]:
        words = one.get("command") or ["python", "-m", "bridge", *one["args"]]
        filled = [
            word.replace("http://kubebridge:8080", address).replace(
                "/run/secrets/kubebridge/token", str(tmp_path / "api-token")
            )
            for word in words[1:]
        ]

        subprocess.check_call([sys.executable, *filled])

    assert receiver.ledger.ids()
