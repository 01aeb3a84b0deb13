"""The least that must be permitted, as YAML."""

import asyncio

import pytest
import yaml

from bridge.cluster.builtin import NAMESPACES
from bridge.demo.apiserver.resources import DEFINITIONS
from bridge.demo.apiserver.server import ApiServer
from bridge.operate.rbac import Grantee, Permission, grant
from tests.unit.cli.conftest import invoke

IDENTITY = ("", "namespaces", "kube-system", "get")
EVENTS = ("", "events", "", "list watch")


@pytest.fixture
def rbac(tmp_path):
    """Return what prints the roles for these sources and routes."""

    def run(*sources, words=(), **document):
        sinks = [{"name": "hook", "url": "http://h"}]
        path = tmp_path / "bridge.yaml"
        given = {"sources": list(sources) or [{}], "sinks": sinks, **document}
        path.write_text(yaml.safe_dump(given))
        return invoke("rbac", "-c", str(path), *words)

    return run


def granted(result):
    """What is granted, by namespace; None: everywhere."""
    assert result.exit_code == 0, result.output
    return {
        one["metadata"].get("namespace"): {
            (group, plural, *one_name(rule), " ".join(rule["verbs"]))
            for rule in one["rules"]
            for group in rule["apiGroups"]
            for plural in rule["resources"]
        }
        for one in yaml.safe_load_all(result.stdout)
        if "rules" in one
    }


def one_name(rule):
    """The object that a rule is limited to, or an empty name."""
    return rule.get("resourceNames", [""])


def test_events_everywhere_need_little(rbac):
    """List and watch of events, and the uid of the cluster."""
    assert granted(rbac({})) == {None: {IDENTITY, EVENTS}}


def test_names_and_the_account_are_ones_own(rbac):
    """The binding leads from the account to the role."""
    words = ("--name", "reader", "--namespace", "tools", "--service-account", "sa")

    role, binding = yaml.safe_load_all(rbac({}, words=words).stdout)

    assert (role["kind"], role["metadata"]) == ("ClusterRole", {"name": "reader"})
    assert binding["kind"] == "ClusterRoleBinding"
    assert binding["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "reader",
    }
    assert binding["subjects"] == [
        {"kind": "ServiceAccount", "name": "sa", "namespace": "tools"}
    ]


def test_named_namespaces_get_a_role_each(rbac):
    """What is bound there, is bound there only."""
    result = rbac({"namespaces": ["shop", "front"]})

    assert granted(result) == {None: {IDENTITY}, "front": {EVENTS}, "shop": {EVENTS}}
    kinds = [one["kind"] for one in yaml.safe_load_all(result.stdout)]
    assert kinds.count("RoleBinding") == 2


def test_what_one_source_may_everywhere_needs_no_role_for_another(rbac):
    """Nothing is granted twice."""
    result = rbac({"name": "a"}, {"name": "b", "namespaces": ["shop"]})

    assert granted(result) == {None: {IDENTITY, EVENTS}}


def test_what_is_granted_everywhere_covers_the_same_verbs_only():
    """Of one object it covers nothing else."""
    named = Permission(purpose="read", resource=NAMESPACES, name="a")
    whole = Permission(purpose="read", verbs=("list",), resource=NAMESPACES)
    inside = Permission(purpose="read", resource=NAMESPACES, namespace="shop")
    grantee = Grantee(name="n", service_account="s", namespace="ns")

    kinds = [one["kind"] for one in grant([named, whole, inside], grantee)]

    assert kinds == ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"]


def test_namespaces_are_read_only_to_choose_among_them(rbac):
    """Those that match may be any, also ones that come later."""
    found = granted(rbac({"kind": "Pod", "namespaceSelector": "team=shop"}))

    assert found == {
        None: {
            IDENTITY,
            ("", "pods", "", "list watch"),
            ("", "namespaces", "", "list watch"),
        }
    }


@pytest.mark.parametrize(
    ("source", "group", "plural"),
    [
        ({"kind": "Deployment", "apiVersion": "apps/v1"}, "apps", "deployments"),
        ({"kind": "CronJob", "apiVersion": "batch/v1beta1"}, "batch", "cronjobs"),
        ({"resource": "deployments.apps"}, "apps", "deployments"),
        ({"resource": "widgets.shop.io"}, "shop.io", "widgets"),
        ({"kind": "Node", "namespaces": ["shop"]}, "", "nodes"),
        ({"kind": "Node", "namespaceSelector": "a=b"}, "", "nodes"),
    ],
    ids=["kind", "old version", "resource", "custom", "cluster-wide", "selector"],
)
def test_resources_are_named_as_rbac_names_them(rbac, source, group, plural):
    """By plural and group; no cluster is asked."""
    found = granted(rbac(source))

    assert found == {None: {IDENTITY, (group, plural, "", "list watch")}}


ENRICHED = {"enrich": {"labels": True, "kinds": ["Pod", "ReplicaSet"]}}
ALL_KINDS = {
    *("pods", "replicasets", "deployments", "statefulsets"),
    *("daemonsets", "jobs", "cronjobs"),
}


def test_enrichment_needs_its_kinds_and_no_others(rbac):
    """Each in its API group, everywhere: one informer serves all sources."""
    found = granted(rbac({"namespaces": ["shop"], **ENRICHED}))

    assert found == {
        "shop": {EVENTS},
        None: {
            IDENTITY,
            ("", "pods", "", "list watch"),
            ("apps", "replicasets", "", "list watch"),
        },
    }


@pytest.mark.parametrize(
    "route",
    [
        {"labels": "app=shop"},
        {"filters": [{"exact": {"ownerkind": "Deployment"}}]},
        {"filters": [{"not": {"prefix": {"ownername": "web"}}}]},
    ],
)
@pytest.mark.parametrize(
    ("sources", "asks"), [(None, True), (["events"], True), (["nodes"], False)]
)
def test_a_route_that_looks_at_owners_or_labels_asks_for_them(
    rbac, route, sources, asks
):
    """Only of sources that it takes from, and only of Kubernetes Events."""
    routes = [{"name": "r", **route, **({"sources": sources} if sources else {})}]

    found = granted(
        rbac({}, {"kind": "Node", "apiVersion": "v1", "name": "nodes"}, routes=routes)
    )

    plurals = {plural for _, plural, *_ in found[None]} - {"nodes", "namespaces"}
    assert plurals == {"events"} | (ALL_KINDS if asks else set())


def test_a_kind_that_nobody_knows_is_an_error(rbac):
    """It names the source, what is missing, and what to write instead."""
    result = rbac(
        {"name": "w", "kind": "Widget", "apiVersion": "shop.io/v1"},
        cluster={"kubeconfig": "/nowhere/config"},
    )

    assert (result.exit_code, result.stdout) == (2, "")
    assert "source w: cannot tell which resource shop.io/v1 Widget is" in result.stderr
    assert "/nowhere/config" in result.stderr
    assert "write resource: (perhaps widgets.shop.io)" in result.stderr


async def test_a_cluster_is_asked_what_a_kind_of_its_own_is_called(rbac, tmp_path):
    """The plural need not follow from the kind."""
    names = {"plural": "widgetry", "singular": "widget", "kind": "Widget"}
    version = {"name": "v1", "served": True, "storage": True}
    definition = {
        "metadata": {"name": "widgetry.shop.io"},
        "spec": {
            "group": "shop.io",
            "scope": "Namespaced",
            "names": names,
            "versions": [version],
        },
    }
    async with ApiServer() as server:
        server.create(DEFINITIONS, "", definition)
        server.kubeconfig(tmp_path / "kubeconfig")
        source = {"kind": "Widget", "apiVersion": "shop.io/v1", "name": "w"}
        cluster = {"kubeconfig": str(tmp_path / "kubeconfig")}
        result = await asyncio.to_thread(rbac, source, cluster=cluster)

    widgets = ("shop.io", "widgetry", "", "list watch")
    assert granted(result) == {None: {IDENTITY, widgets}}
