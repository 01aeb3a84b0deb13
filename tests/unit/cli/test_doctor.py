"""What a configuration finds in its cluster."""

import asyncio
import json
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from bridge.api.server import bind, serving, url_of
from bridge.config import parse_config, parts
from bridge.config.parts import diagnose_config
from bridge.demo.apiserver.server import ApiServer
from bridge.errors import ApiStatusError, ForbiddenError, UnreachableError
from bridge.operate import doctor as diagnosis
from tests.unit.api.world import TOKEN
from tests.unit.cli.conftest import invoke

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def cluster():
    """An API server."""
    async with ApiServer() as server:
        yield server


@pytest.fixture
def write(cluster, tmp_path):
    """Return what writes a configuration for the cluster and gives its text."""

    def write_(*sources, **document):
        kubeconfig = tmp_path / "kubeconfig"
        cluster.kubeconfig(kubeconfig)
        text = yaml.safe_dump(
            {
                "cluster": {"kubeconfig": str(kubeconfig)},
                "sources": list(sources) or [{}],
                "sinks": [{"name": "hook", "type": "stdout"}],
                **document,
            }
        )
        (tmp_path / "bridge.yaml").write_text(text)
        return text

    return write_


@pytest.fixture
def ask(write):
    """Return what asks for a diagnosis of these sources."""

    async def ask_(*sources, cursors=None, **document):
        config = parse_config(write(*sources, **document), name="test", env={})
        return await diagnose_config(config, cursors=cursors, now=NOW)

    return ask_


def rows(source):
    """Each permission in short."""
    return [
        (one["for"], one["verb"], one["resource"], one["namespace"], one["allowed"])
        for one in source["permissions"]
    ]


async def test_all_is_well_with_events(ask, cluster):
    """Version, identity, features, permissions; and nothing is a problem."""
    answer = await ask({})

    [source] = answer["sources"]
    uid = cluster.get("namespaces", "", "kube-system")["metadata"]["uid"]
    seen = answer["cluster"]
    assert (seen["uid"], seen["uidDerived"], seen["version"][:2]) == (uid, False, "v1")
    assert (seen["watchList"], seen["listExact"]) == (True, True)
    assert (source["resource"], source["apiVersion"]) == ("events", "v1")
    assert rows(source) == [
        ("read", "list", "events", "*", True),
        ("read", "watch", "events", "*", True),
    ]
    assert (source["cursors"], answer["problems"]) == (None, [])


async def test_what_is_refused_is_a_problem(ask, cluster):
    """It names the source, the verb, the resource and the place."""
    cluster.faults.forbid(verb="watch", resource="pods")
    cluster.faults.forbid(verb="get", resource="namespaces")

    answer = await ask({"kind": "Pod", "namespaces": ["shop"]})

    assert answer["problems"] == [
        "cluster: not allowed to get namespaces kube-system",
        "source pod: not allowed to watch pods in shop",
    ]
    assert answer["cluster"]["uidDerived"]
    features = (answer["cluster"]["watchList"], answer["cluster"]["listExact"])
    assert features == (None, None)


async def test_a_kind_that_is_not_served_is_a_problem(ask):
    """The other sources are looked at all the same."""
    answer = await ask({"kind": "Pood", "name": "p"}, {})

    problem = "the API server does not serve v1 Pood; did you mean Pod?"
    assert answer["problems"] == [f"source p: {problem}"]
    assert answer["sources"][0]["resource"] is None
    assert answer["sources"][1]["error"] == ""


async def test_what_an_optional_source_lacks_is_a_note(write, cluster, tmp_path):
    """And no reason to fail (issue 10, item 12)."""
    cluster.faults.forbid(verb="watch", resource="pods")
    cat = {"kind": "Cat", "apiVersion": "shop.io/v1", "optional": True}
    write({"kind": "Pod", "optional": True}, cat)

    result = await doctor(tmp_path)
    text = await doctor(tmp_path, "-o", "text")

    notes = [
        "source pod: not allowed to watch pods in all namespaces",
        "source cat: the API server does not serve shop.io/v1 Cat",
    ]
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["problems"], answer["notes"]) == (0, [], notes)
    assert f"optional: {notes[0]}\noptional: {notes[1]}\nno problems" in text.stdout


@pytest.mark.parametrize(
    ("error", "place"),
    [
        (ForbiddenError("refused", status=403), "notes"),
        (UnreachableError("cut", phase="answer"), "problems"),
    ],
)
async def test_what_cannot_be_told_of_an_optional_source_is_a_problem(
    ask, monkeypatch, error, place
):
    """Only a clear no is excused (issue 10, item 12)."""

    async def find_resource(*_):
        raise error

    monkeypatch.setattr(diagnosis, "find_resource", find_resource)

    answer = await ask({"optional": True})

    assert answer[place] == [f"source events: {error}"]


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            {"kind": "Namespace", "namespaces": ["shop"]},
            "expected no namespaces, for namespaces live in none",
        ),
        (
            {"enrich": {"labels": True, "kinds": ["Pod", "Rollout"]}},
            "expected one of Kubernetes' own kinds in enrich.kinds, got Rollout",
        ),
    ],
)
async def test_what_the_cluster_belies_is_a_problem(ask, source, problem):
    """Permissions are asked for all the same."""
    answer = await ask({"name": "s", **source})

    assert answer["problems"] == [f"source s: {problem}"]
    assert answer["sources"][0]["permissions"]


async def test_a_field_selector_is_tried(ask):
    """The API server alone knows which labels of fields it has (issue 10, item 14)."""
    answer = await ask(
        {"fieldSelector": "type=Warning"},
        {"kind": "Pod", "fieldSelector": "spec.x=y", "namespaces": ["a"]},
    )

    assert answer["problems"] == [
        (
            "source pod: fieldSelector 'spec.x=y': list pods in namespace a: 400: "
            "field label not supported: spec.x"
        )
    ]


@pytest.mark.parametrize(
    "error",
    [ApiStatusError("down", status=503), UnreachableError("cut", phase="answer")],
)
async def test_a_field_selector_that_cannot_be_tried_is_no_problem(
    ask, monkeypatch, error
):
    """What else is wrong is told by itself (item 14)."""

    async def list_page(*_, **__):
        raise error

    monkeypatch.setattr("bridge.cluster.client.ClusterClient.list_page", list_page)

    assert (await ask({"fieldSelector": "type=Warning"}))["problems"] == []


async def test_sinks_are_connected_to(ask, cluster):
    """Each that is not, or must not, be reached is a problem (item 14)."""
    listener = await asyncio.start_server(lambda _, one: one.close(), "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    sinks = [
        {"name": "out", "type": "stdout"},
        {"name": "there", "url": f"http://127.0.0.1:{port}/hook?token=x"},
        {"name": "typo", "url": "http://no-such-host.invalid"},
        {"name": "api", "url": cluster.url},
    ]

    async with listener:
        answer = await ask({}, sinks=sinks)

    assert [one["name"] for one in answer["sinks"]] == ["there", "typo", "api"]
    assert answer["sinks"][0]["server"] == f"http://127.0.0.1:{port}"
    typo, api = answer["problems"]
    assert typo.startswith("sink typo: cannot resolve no-such-host.invalid")
    assert api.startswith("sink api: ")
    assert "denied (the API server)" in api


async def test_what_is_missing_is_a_problem(ask):
    """Files and variables that the configuration names (item 14)."""
    answer = await ask({}, server={"token": {"file": "/nowhere/token"}})

    assert answer["problems"] == ["server.token.file: no such file: /nowhere/token"]


async def test_enrichment_and_namespaces_are_asked_about(ask):
    """Each with its purpose."""
    answer = await ask(
        {"enrich": {"owner": True, "kinds": ["Pod"]}},
        {"kind": "Pod", "namespaceSelector": "team=shop"},
    )

    events, pods = answer["sources"]
    assert ("enrich", "watch", "pods", "*", True) in rows(events)
    assert ("choose", "list", "namespaces", "*", True) in rows(pods)


@pytest.mark.parametrize(
    ("allowed", "where"),
    [
        ({None, "a", "b"}, ["*"]),
        ({"a", "b"}, ["a", "b"]),
        (set(), ["a", "b"]),
    ],
)
async def test_several_namespaces_may_be_read_at_once_or_each(
    ask, monkeypatch, allowed, where
):
    """One watch of all of them is what the bridge prefers."""

    async def is_allowed(_, *, namespace, **__):
        return namespace in allowed

    monkeypatch.setattr(diagnosis, "is_allowed", is_allowed)

    answer = await ask({"namespaces": ["a", "b"]})

    permissions = answer["sources"][0]["permissions"]
    assert sorted({one["namespace"] for one in permissions}) == where
    assert all(one["allowed"] == bool(allowed) for one in permissions)


async def test_no_answer_is_neither_yes_nor_no(ask, monkeypatch):
    """And a problem."""

    async def is_allowed(*_, **__):
        raise UnreachableError("cut", phase="answer")

    monkeypatch.setattr(diagnosis, "is_allowed", is_allowed)

    answer = await ask({})

    assert answer["problems"][0] == (
        "cluster: cannot tell whether it is allowed to get namespaces kube-system"
    )


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ApiStatusError("off", status=422), False),
        (ApiStatusError("down", status=503), None),
        (UnreachableError("cut", phase="answer"), None),
    ],
)
async def test_a_feature_is_there_or_not_or_nobody_can_tell(
    ask, monkeypatch, error, expected
):
    """422 is what a server says that has it switched off."""

    @asynccontextmanager
    async def watch(*_, **__):
        raise error
        yield

    async def list_page(*_, **__):
        raise error

    monkeypatch.setattr("bridge.cluster.client.ClusterClient.watch", watch)
    monkeypatch.setattr("bridge.cluster.client.ClusterClient.list_page", list_page)

    seen = (await ask({}))["cluster"]

    assert (seen["watchList"], seen["listExact"]) == (expected, None)


def cursor(cluster, version, /, **changes):
    """A cursor as the API of a bridge lists it."""
    uid = cluster.get("namespaces", "", "kube-system")["metadata"]["uid"]
    moved = NOW - timedelta(seconds=90)
    return {
        "id": "c1",
        "cluster": uid,
        "resource": "events",
        "namespace": "*",
        "fieldSelector": "",
        "labelSelector": "",
        "resourceVersion": version,
        "moved": moved.isoformat(),
        "inUse": True,
        **changes,
    }


@pytest.mark.parametrize("state", ["readable", "expired", "future", "unknown"])
async def test_a_cursor_is_shown_with_its_age_and_whether_it_can_be_read(
    ask, cluster, state
):
    """As the API server says of exactly that version."""
    newest = cluster.storage.revision
    version = {"expired": newest, "future": newest + 1000}.get(state, newest + 1)
    cluster.create("pods", "default", {"metadata": {"name": "a"}})
    if state == "expired":
        cluster.compact(newest + 1)
    if state == "unknown":
        cluster.faults.forbid(verb="list", resource="events")

    answer = await ask({}, cursors=[cursor(cluster, str(version))])

    [found] = answer["sources"][0]["cursors"]
    assert (found["ageSeconds"], found["state"]) == (90.0, state)


@pytest.mark.parametrize(
    ("source", "given", "is_own"),
    [
        ({}, {"cluster": "other"}, False),
        ({}, {"resource": "pods"}, False),
        ({}, {"fieldSelector": "a=b"}, False),
        ({}, {"namespace": "a"}, False),
        ({"namespaces": ["a"]}, {"namespace": "a"}, True),
        ({"namespaces": ["a"]}, {}, False),
        ({"namespaces": ["a", "b"]}, {"namespace": "b"}, True),
        ({"namespaces": ["a", "b"]}, {}, True),
        ({"namespaces": ["a", "b"]}, {"namespace": "c"}, False),
        ({"namespaceSelector": "x=y"}, {"namespace": "c"}, True),
        ({"labelSelector": "x=y"}, {"labelSelector": "x=y"}, True),
    ],
)
async def test_only_cursors_of_the_source_are_shown(
    ask, cluster, source, given, is_own
):
    """By cluster, resource, namespace and selectors, as scopes are."""
    answer = await ask(source, cursors=[cursor(cluster, "1", **given)])

    assert len(answer["sources"][0]["cursors"]) == is_own


async def doctor(tmp_path, *words, **env):
    """Run the verb, in a thread: the servers answer in this one."""
    words = ("doctor", "-c", str(tmp_path / "bridge.yaml"), *words)
    return await asyncio.to_thread(invoke, *words, env=env)


async def test_a_person_gets_a_block_for_each_source(write, cluster, tmp_path):
    """And exit code 1 when anything is wrong."""
    cluster.faults.forbid(verb="watch", resource="pods")
    write({}, {"kind": "Pod"}, {"kind": "Pood", "name": "typo"})

    result = await doctor(tmp_path, "-o", "text")

    assert result.exit_code == 1
    blocks = result.stdout.split("\n\n")
    assert [block.split("\n")[0] for block in blocks[1:-2]] == [
        "source events: v1 Event",
        "source pod: v1 Pod",
        "source typo: v1 Pood",
    ]
    assert "  get    namespaces/kube-system   *           identify   yes" in blocks[0]
    assert "  watch   pods       *           read   no" in blocks[2]
    assert "  cursors: not asked, give --url" in blocks[2]
    assert "problem: source pod: not allowed to watch pods in all" in blocks[-1]


async def test_a_person_gets_a_block_for_each_sink(write, tmp_path):
    """Where it is, by which way, and what stands in that (item 14)."""
    hook = {"name": "hook", "url": "http://127.0.0.1:1"}
    write({}, sinks=[hook, hook | {"name": "far", "proxy": "http://127.0.0.1:2"}])

    result = await doctor(tmp_path, "-o", "text")

    near, far = result.stdout.split("\n\n")[2:4]
    assert near.startswith("sink hook: http://127.0.0.1:1\n  cannot connect to http:")
    assert far.startswith("sink far: http://127.0.0.1:1 by way of http://127.0.0.1:2")
    assert "problem: sink far: cannot connect to http://127.0.0.1:2" in result.stdout


async def test_a_program_gets_json(write, tmp_path):
    """And exit code 0 when all is well."""
    write({})

    result = await doctor(tmp_path)

    assert (result.exit_code, json.loads(result.stdout)["problems"]) == (0, [])


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (-1, "[0-9] s"),
        (61, "[67][0-9] s"),
        (3600, "60 min"),
        (7200, "2 h"),
        (900_000, "10 d"),
    ],
)
async def test_a_running_bridge_is_asked_for_its_cursors(
    write, cluster, tmp_path, monkeypatch, seconds, said
):
    """With their age in the unit that fits."""
    moved = (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()
    items = [cursor(cluster, str(cluster.storage.revision), moved=moved)]

    class Api:
        def __init__(self, url, token_file):
            assert url == "http://bridge"

        def items(self, path, fields):
            return items

    monkeypatch.setattr("bridge.cli.doctor.Api", Api)
    write({})

    result = await doctor(tmp_path, "-o", "text", "--url", "http://bridge")

    assert re.search(f" {said} ago", result.stdout)
    assert result.stdout.endswith("\n\nno problems\n")


async def test_a_source_that_was_never_read_has_no_cursor(world, write, tmp_path):
    """The bridge says which it has; these are of another cluster."""
    await world.store("a")
    write({})
    listener = bind("127.0.0.1", 0)
    async with serving(world.build_api(), listener, metrics=world.metrics):
        result = await doctor(
            tmp_path, "-o", "text", "--url", url_of(listener), KUBEBRIDGE_TOKEN=TOKEN
        )

    assert "  cursors: none, it was never read" in result.stdout


async def test_a_cluster_that_does_not_answer_is_an_error(tmp_path):
    """One line, exit code 1."""
    sinks = [{"name": "hook", "url": "http://h"}]
    config = {"cluster": {"kubeconfig": "/nowhere/config"}, "sinks": sinks}
    (tmp_path / "bridge.yaml").write_text(yaml.safe_dump(config))

    result = await doctor(tmp_path)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("kubebridge: kubeconfig: expected a readable file")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(65536, "1280 of 1280\n"), (1024, "750 of 1280: `concurrency` is lowered")],
)
async def test_says_how_many_connections_there_may_be(
    write, tmp_path, monkeypatch, limit, expected
):
    """Where the limit of open files is low (issue 10, item 37)."""
    monkeypatch.setattr(parts, "attainable_limit", lambda: limit)
    sinks = [{"name": f"s{number}", "url": "http://h"} for number in range(20)]
    write({}, sinks=sinks)

    result = await doctor(tmp_path, "-o", "text")

    assert f"open files {limit}\n  connections to sinks: " in result.output
    assert expected in result.output + "\n"
