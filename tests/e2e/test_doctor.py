"""What is printed as the least role is enough, and nothing of it can be spared."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import product
from pathlib import Path

import pytest

from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.client import ClusterClient
from bridge.cluster.discovery import find_resource
from bridge.cluster.settings import Target
from bridge.errors import ForbiddenError
from tests.controlplane.cluster import ControlPlane
from tests.e2e.account import Account, Manifest, run
from tests.e2e.bridge import TOKEN, Bridge, wait_until
from tests.e2e.receiver import Receiver
from tests.e2e.writer import Writer

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def account(
    control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> Iterator[Account]:
    """Return an account that may do nothing yet, with sources of every sort."""
    one = Account(control_plane, namespace, tmp_path)
    events = {"namespaces": [namespace], "enrich": {"owner": True, "kinds": ["Job"]}}
    one.configure(
        [
            events,
            {"kind": "Pod", "namespaces": [namespace, "default"]},
            {"kind": "Deployment", "apiVersion": "apps/v1"},
            {"resource": "configmaps", "namespaceSelector": "team=shop"},
        ]
    )
    yield one
    one.remove()


async def refused(account: Account) -> set[str]:
    """Do all that the bridge does for these sources; return what is refused."""
    found = set()
    async with ClusterClient.open(kubeconfig=account.kubeconfig, environ={}) as client:
        if (await client.cluster_uid()).derived:
            found.add("get namespaces")
        for name, where in [
            ("events", account.namespace),
            ("pods", account.namespace),
            ("pods", "default"),
            ("deployments.apps", None),
            ("configmaps", None),
            ("namespaces", None),
            ("jobs.batch", None),
        ]:
            resource = await find_resource(client, Target(resource=name))
            found |= {
                f"{verb} {resource.plural}"
                for verb in await refused_verbs(client, resource, where)
            }
    return found


async def refused_verbs(
    client: ClusterClient, resource: Resource, namespace: str | None
) -> set[str]:
    """List and watch; return what is refused."""
    found = set()
    try:
        await client.list_page(resource, namespace=namespace, limit=1)
    except ForbiddenError:
        found.add("list")
    try:
        watch = client.watch(
            resource, namespace=namespace, resource_version="0", timeout_seconds=1
        )
        async with watch:
            pass
    except ForbiddenError:
        found.add("watch")
    return found


def one_less(manifests: Sequence[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Yield each role without one resource's verb, and what is missing then."""
    for role in manifests:
        for index, rule in enumerate(role.get("rules", [])):
            for resource, verb in product(rule["resources"], rule["verbs"]):
                yield f"{verb} {resource}", without(role, index, resource, verb)


def without(role: Manifest, index: int, resource: str, verb: str) -> Manifest:
    """Return a role of which one rule does not grant one verb on one resource."""
    less = deepcopy(role)
    rule = less["rules"].pop(index)
    others = [one for one in rule["resources"] if one != resource]
    verbs = [one for one in rule["verbs"] if one != verb]
    for changes in ({"resources": others}, {"resources": [resource], "verbs": verbs}):
        if all(changes.values()):
            less["rules"].append({**rule, **changes})
    return less


def test_nothing_of_the_printed_role_is_missing_and_nothing_can_be_spared(
    account: Account,
) -> None:
    """Each verb that is taken away refuses what it is for, and the doctor says it."""
    manifests = account.print_roles()
    assert len(asyncio.run(refused(account))) == 13
    account.apply(manifests)
    wait_until(lambda: asyncio.run(refused(account)) == set())
    assert account.diagnose() == []

    for missing, less in one_less(manifests):
        account.apply([less])
        wait_until(lambda missing=missing: asyncio.run(refused(account)) == {missing})
        assert any(missing in problem for problem in account.diagnose())
        account.apply([one for one in manifests if is_same(one, less)])
        wait_until(lambda: account.diagnose() == [])


def is_same(one: Manifest, other: Manifest) -> bool:
    """Whether two manifests are of one object."""
    return (one["kind"], one["metadata"]) == (other["kind"], other["metadata"])


def test_bridge_runs_under_exactly_that_role(
    account: Account, receiver: Receiver, writer: Writer, tmp_path: Path
) -> None:
    """All its watches are open, Events come through, and nothing is refused."""
    account.apply(account.print_roles())
    wait_until(lambda: account.diagnose() == [])
    bridge = Bridge(
        folder=tmp_path,
        kubeconfig=account.kubeconfig,
        sources=account.sources,
        sinks=[{"name": "hook", "url": receiver.url}],
    )
    with bridge:
        bridge.start_and_wait()
        writer.fill(5, prefix="a")
        wait_until(lambda: len(receiver.ledger.bodies) >= 5)
        readers = bridge.get("/api/v1/sources").json()["items"]

    assert {one["resource"] for one in readers} == {
        *("events", "pods", "deployments.apps", "configmaps")
    }
    assert {one["error"] for one in readers} == {""}
    assert "403" not in bridge.log.read_text()


def test_running_bridge_says_where_its_cursors_stand(bridge: Bridge) -> None:
    """They are young and can be read on from."""
    bridge.start_and_wait()
    token = bridge.config.parent / "api-token"
    token.write_text(TOKEN)
    url = ("--url", f"http://127.0.0.1:{bridge.port}", "--token-file", str(token))

    done = run("doctor", "-c", str(bridge.config), *url)

    assert done.returncode == 0, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    [cursor] = answer["sources"][0]["cursors"]
    assert (cursor["state"], cursor["ageSeconds"] < 300) == ("readable", True)
    assert answer["cluster"]["version"] == "v1.36.1"
    assert (answer["cluster"]["watchList"], answer["cluster"]["listExact"]) == (
        True,
        True,
    )


def test_field_selectors_are_tried_on_the_api_server(
    account: Account, control_plane: ControlPlane
) -> None:
    """It alone knows the labels of fields, those of custom resources too (item 14)."""
    account.kubeconfig = control_plane.apiserver.kubeconfig()
    good = {"name": "e", "fieldSelector": "type=Warning,involvedObject.kind=Pod"}
    bad = {"kind": "Pod", "fieldSelector": "spec.image=x", "namespaces": ["default"]}
    worse = {"kind": "Node", "fieldSelector": "what"}
    account.configure([good, bad, worse])

    image, what = account.diagnose()

    assert image.startswith("source pod: fieldSelector 'spec.image=x': list pods in")
    assert "field label not supported: spec.image" in image
    assert what.startswith("source node: fieldSelector 'what': list nodes")


def test_kinds_known_by_heart_are_what_the_api_server_serves(
    control_plane: ControlPlane,
) -> None:
    """Group, preferred version, plural and scope of each, and none is missing."""

    async def find_all() -> None:
        kubeconfig = control_plane.apiserver.kubeconfig()
        async with ClusterClient.open(kubeconfig=kubeconfig, environ={}) as client:
            for one in BUILTIN.values():
                by_kind = Target(api_version=one.api_version, kind=one.kind)
                assert await find_resource(client, by_kind) == one
                assert await find_resource(client, Target(resource=one.name)) == one

    asyncio.run(find_all())
    assert {one.name for one in BUILTIN.values()} == set(watchable(control_plane))


def watchable(plane: ControlPlane) -> Iterator[str]:
    """Yield what can be watched of all that is built in."""
    request = plane.apiserver.request
    documents = [request("GET", "/api/v1")]
    for group in request("GET", "/apis")["groups"]:
        if "." not in group["name"] or group["name"].endswith(".k8s.io"):
            version = group["preferredVersion"]["groupVersion"]
            documents.append(request("GET", f"/apis/{version}"))
    for document in documents:
        group_name = document["groupVersion"].rpartition("/")[0]
        for one in document["resources"]:
            if "/" not in one["name"] and "watch" in one["verbs"]:
                yield f"{one['name']}.{group_name}".rstrip(".")
