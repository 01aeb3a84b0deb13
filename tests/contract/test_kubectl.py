"""An unmodified kubectl: it lists, watches, creates and deletes."""

import asyncio
import json
import re
import shutil
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest

from bridge.demo.apiserver import ApiServer
from tests.contract.conftest import BOTH
from tests.contract.samples import definition, event, widget
from tests.controlplane.build import find_binaries


@dataclass(frozen=True, slots=True, kw_only=True)
class Kubectl:
    """A kubectl, the API server that it speaks to, and a namespace there."""

    binary: str
    kubeconfig: Path
    namespace: str

    async def __call__(self, *arguments: str, stdin: object = None) -> str:
        """Run kubectl to its end and return what it prints, errors too."""
        async with self.running(*arguments) as process:
            text = "" if stdin is None else json.dumps(stdin)
            output, errors = await process.communicate(text.encode())
        return (output + errors).decode()

    async def create(self, value: dict) -> str:
        """Create an object from standard input."""
        return await self("create", "--validate=false", "-f", "-", stdin=value)

    @asynccontextmanager
    async def running(self, *arguments: str) -> AsyncIterator[Process]:
        """Run kubectl until the block ends."""
        process = await asyncio.create_subprocess_exec(
            self.binary,
            f"--kubeconfig={self.kubeconfig}",
            f"--cache-dir={self.kubeconfig.parent / 'cache'}",
            f"--namespace={self.namespace}",
            *arguments,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


def find_kubectl(which: str) -> str:
    """Return the system's kubectl, however old, or the one that was built."""
    if which == "system":
        return shutil.which("kubectl") or pytest.skip("no kubectl in PATH")
    binaries = find_binaries("kubectl")
    if isinstance(binaries, str):
        pytest.skip(binaries)
    return str(binaries["kubectl"])


@pytest.fixture(params=BOTH)
async def kubeconfig(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Path]:
    """Return the way to each of the two API servers."""
    if request.param == "kube-apiserver":
        plane = request.getfixturevalue("control_plane")
        yield plane.apiserver.kubeconfig(path=tmp_path / "kubeconfig")
        return
    # Without TLS, kubectl would not send a token.
    async with ApiServer() as demo:
        demo.kubeconfig(tmp_path / "kubeconfig")
        yield tmp_path / "kubeconfig"


@pytest.fixture(params=["system", "built"])
async def kubectl(request: pytest.FixtureRequest, kubeconfig: Path) -> Kubectl:
    """Return a kubectl with a namespace of its own."""
    name = f"kubectl-{uuid4().hex[:8]}"
    binary = find_kubectl(request.param)
    kubectl = Kubectl(binary=binary, kubeconfig=kubeconfig, namespace=name)
    namespace = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
    assert await kubectl.create(namespace) == f"namespace/{name} created\n"
    return kubectl


def typed_event(kubectl: Kubectl, name: str, **fields) -> dict:
    """Return an Event that says what it is."""
    what = {"kind": "Event", "apiVersion": "v1"}
    return what | event(kubectl.namespace, name, **fields)


async def test_create_get_and_delete(kubectl: Kubectl):
    """An object comes and goes."""
    created = await kubectl.create(typed_event(kubectl, "one"))
    shown = await kubectl("get", "event", "one", "-o", "json")
    deleted = await kubectl("delete", "event", "one")
    gone = await kubectl("get", "event", "one")

    assert created == "event/one created\n"
    assert json.loads(shown)["message"] == "Started container web"
    assert deleted.startswith('event "one" deleted')
    assert gone == 'Error from server (NotFound): events "one" not found\n'


async def test_events_are_printed_as_a_table(kubectl: Kubectl):
    """The columns are those of Events, not just name and age."""
    await kubectl.create(typed_event(kubectl, "one", reason="Pulled"))

    header, row = (await kubectl("get", "events")).splitlines()

    assert header.split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert row.split(maxsplit=4)[1:] == [
        "Normal",
        "Pulled",
        "pod/web",
        "Started container web",
    ]


async def test_a_table_comes_in_pages(kubectl: Kubectl):
    """What does not fit into one page is fetched with the next."""
    seen = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    for name in ("one", "two", "three"):
        await kubectl.create(typed_event(kubectl, name, lastTimestamp=seen))

    _, *rows = (await kubectl("get", "events", "--chunk-size=1")).splitlines()

    assert len(rows) == 3
    assert all(re.match(r"\d+s ", row) for row in rows)


async def test_get_watch_prints_events_as_they_come(kubectl: Kubectl):
    """A watch shows what was there, then each change; the header once."""
    await kubectl.create(typed_event(kubectl, "one", reason="First"))

    async with asyncio.timeout(60), kubectl.running("get", "events", "-w") as process:
        header, first = [await process.stdout.readline() for _ in range(2)]
        await kubectl.create(typed_event(kubectl, "two", reason="Second"))
        second = await process.stdout.readline()

    assert header.startswith(b"LAST SEEN")
    assert (b"First" in first, b"Second" in second) == (True, True)


async def test_selectors_reach_the_server(kubectl: Kubectl):
    """Fields and labels choose what is printed."""
    labels = {"metadata": {"name": "two", "labels": {"team": "x"}}}
    await kubectl.create(typed_event(kubectl, "one", type="Warning"))
    await kubectl.create(typed_event(kubectl, "two") | labels)

    warnings = await kubectl(
        "get", "events", "--field-selector=type=Warning", "-o=name"
    )
    of_team = await kubectl("get", "events.events.k8s.io", "-l", "team=x", "-o=name")

    assert (warnings, of_team) == ("event/one\n", "event.events.k8s.io/two\n")


async def test_delete_all(kubectl: Kubectl):
    """All objects of a kind can be deleted at once."""
    for name in ("one", "two"):
        await kubectl.create(typed_event(kubectl, name))

    deleted = await kubectl("delete", "events", "--all")
    left = await kubectl("get", "events")

    assert [line.split()[1] for line in deleted.splitlines()] == ['"one"', '"two"']
    assert left == f"No resources found in {kubectl.namespace} namespace.\n"


async def test_custom_resources(kubectl: Kubectl):
    """A kind that is defined can be used."""
    group = f"{kubectl.namespace}.example.com"
    what = {
        "kind": "CustomResourceDefinition",
        "apiVersion": "apiextensions.k8s.io/v1",
    }
    await kubectl.create(what | definition(group))
    await kubectl("wait", "--for=condition=Established", f"crd/widgets.{group}")

    created = await kubectl.create(widget(group, "one"))
    listed = await kubectl("get", f"widgets.{group}", "-o", "name")
    await kubectl("delete", "crd", f"widgets.{group}")

    assert created == f"widget.{group}/one created\n"
    assert listed == f"widget.{group}/one\n"
