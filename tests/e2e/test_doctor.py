"""What is printed as the least role is enough, and nothing of it can be spared."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from bridge.app.diagnosis import diagnose
from bridge.cluster import Resource
from bridge.cluster.builtin import BUILTIN
from bridge.cluster.client import ClusterClient
from bridge.cluster.discovery import Target, find_resource
from bridge.config import parse_config
from bridge.errors import ForbiddenError
from tests.controlplane.access import write_kubeconfig
from tests.controlplane.cluster import ControlPlane
from tests.e2e.bridge import TOKEN, Bridge, wait_until
from tests.e2e.hearing import wait_until_heard

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

ROLES = "/apis/rbac.authorization.k8s.io/v1"
Manifest = dict[str, Any]


def run(*words: str) -> subprocess.CompletedProcess[str]:
    """Run a verb as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "bridge", *words],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class Account:
    """A service account with nothing but what is printed for its configuration."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        """Create it, and write its kubeconfig and a configuration that uses it."""
        self.plane, self.namespace = plane, namespace
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        plane.apiserver.request("POST", accounts, {"metadata": {"name": "reader"}})
        token = plane.apiserver.service_account_token(namespace, "reader")
        wait_until_heard(plane, token)
        self.kubeconfig = folder / "reader.kubeconfig"
        write_kubeconfig(
            self.kubeconfig,
            url=plane.apiserver.url,
            certificate_authority=plane.apiserver.certificate_authority,
            user="reader",
            token=token,
        )
        self.path = folder / "doctor.yaml"
        self.made: list[str] = []

    def configure(self, sources: Sequence[Manifest]) -> None:
        """Write the configuration."""
        document = {
            "cluster": {"kubeconfig": str(self.kubeconfig)},
            "sources": list(sources),
            "sinks": [{"name": "hook", "url": "http://127.0.0.1:9"}],
        }
        self.path.write_text(yaml.safe_dump(document))

    def print_roles(self) -> list[Manifest]:
        """Return what `kubebridge rbac` prints for it."""
        account = ("--namespace", self.namespace, "--service-account", "reader")
        name = ("--name", self.namespace)
        printed = run("rbac", "-c", str(self.path), *name, *account)
        assert printed.returncode == 0, printed.stderr
        return list(yaml.safe_load_all(printed.stdout))

    def apply(self, manifests: Sequence[Manifest]) -> None:
        """Create or replace roles and bindings."""
        for one in manifests:
            path = self._collection(one)
            name = f"{path}/{one['metadata']['name']}"
            self.made.append(name)
            exists = name in self.made[:-1]
            method, where = ("PUT", name) if exists else ("POST", path)
            self.plane.apiserver.request(method, where, one)

    def remove(self) -> None:
        """Delete what was made for the whole cluster."""
        for name in set(self.made):
            self.plane.apiserver.request("DELETE", name)

    def diagnose(self) -> list[str]:
        """Return what the doctor finds wrong."""
        config = parse_config(self.path.read_text(), name="test", env={})
        answer = asyncio.run(diagnose(config, cursors=None, now=datetime.now(UTC)))
        return list(answer["problems"])

    def _collection(self, manifest: Manifest) -> str:
        namespace = manifest["metadata"].get("namespace")
        inside = f"/namespaces/{namespace}" if namespace else ""
        return f"{ROLES}{inside}/{manifest['kind'].lower()}s"


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
