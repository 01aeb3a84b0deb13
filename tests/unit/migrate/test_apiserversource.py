"""A Knative ApiServerSource becomes sources, a sink and routes of ours."""

from typing import Any

import pytest
import yaml

from bridge.config import Config, parse_config
from bridge.migrate import Converted, convert

BROKER = {"apiVersion": "eventing.knative.dev/v1", "kind": "Broker", "name": "default"}
DEPLOYMENTS = [{"apiVersion": "apps/v1", "kind": "Deployment"}]
EVENTS = [{"apiVersion": "v1", "kind": "Event"}]


def converted(namespace: str | None = "shop", **spec: Any) -> Converted:
    """Return what a manifest becomes."""
    metadata = {"name": "watcher"} | ({"namespace": namespace} if namespace else {})
    manifest = {
        "apiVersion": "sources.knative.dev/v1",
        "kind": "ApiServerSource",
        "metadata": metadata,
        "spec": {"resources": DEPLOYMENTS, "sink": {"ref": BROKER}, **spec},
    }
    return convert(yaml.safe_dump(manifest), name="source.yaml")


def config(**spec: Any) -> Config:
    """Return our configuration for a manifest."""
    made = converted(**spec)
    assert made.text is not None
    return parse_config(made.text, name="ours.yaml", env={})


def said(**spec: Any) -> str:
    """Return the report on a manifest."""
    return "\n".join(converted(**spec).report.lines())


@pytest.mark.parametrize(
    ("mode", "data"), [(None, "reference"), ("Resource", "object")]
)
def test_the_mode_is_the_form_of_data(mode, data):
    """Reference is theirs if nothing is said."""
    [sink] = config(**({"mode": mode} if mode else {})).sinks

    assert (sink.data, sink.profile, sink.knative) == (data, "knative", True)


@pytest.mark.parametrize(
    ("sink", "url"),
    [
        (
            {"ref": BROKER},
            "http://broker-ingress.knative-eventing.svc.cluster.local/shop/default",
        ),
        (
            {
                "ref": {
                    "apiVersion": "serving.knative.dev/v1",
                    "kind": "Service",
                    "name": "a",
                },
                "uri": "/in",
            },
            "http://a.shop.svc.cluster.local/in",
        ),
        (
            {
                "ref": {
                    "apiVersion": "messaging.knative.dev/v1",
                    "kind": "Channel",
                    "name": "c",
                    "namespace": "other",
                }
            },
            "http://c-kn-channel.other.svc.cluster.local",
        ),
        ({"uri": "http://plain.example.com/x"}, "http://plain.example.com/x"),
    ],
)
def test_the_sink_gets_the_usual_address(sink, url):
    """A plain one gets binary mode, as theirs sends."""
    [made] = config(sink=sink).sinks

    assert made.url == url
    assert made.knative or made.mode == "binary"


def test_a_sink_whose_address_is_not_known_is_refused():
    """No address is guessed."""
    ref = {"apiVersion": "flows.knative.dev/v1", "kind": "Sequence", "name": "s"}

    assert converted(sink={"ref": ref}).text is None
    assert converted(sink={}).text is None
    assert "status.sinkUri" in said(sink={"ref": ref})


def test_certificates_and_audience():
    """The PEM goes to the environment, the token comes from a projected file."""
    [sink] = config(
        sink={"uri": "https://a.example.com", "CACerts": "PEM s3cret", "audience": "a"}
    ).sinks

    assert sink.tls.ca.env == "SINK_CA_CERTS"
    assert str(sink.auth.bearer.file) == "/oidc/token"


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, {"namespaces": ("shop",)}),
        ({"namespaceSelector": {}}, {"namespaces": (), "namespace_selector": ""}),
        (
            {"namespaceSelector": {"matchLabels": {"team": "a"}}},
            {"namespace_selector": "team=a"},
        ),
    ],
)
def test_namespaces(selector, expected):
    """None is its own, an empty selector is all of them."""
    [source] = config(**selector).sources

    assert {key: getattr(source, key) for key in expected} == expected


def test_selectors_of_resources():
    """Two of the same kind have two names."""
    terms = [
        {"key": "tier", "operator": "In", "values": ["a", "b"]},
        {"key": "x", "operator": "NotIn", "values": ["c"]},
        {"key": "y", "operator": "Exists"},
        {"key": "z", "operator": "DoesNotExist"},
        {"key": "w", "operator": "Near"},
    ]
    selector = {"matchLabels": {"app": "web"}, "matchExpressions": terms}
    resources = [DEPLOYMENTS[0] | {"selector": selector}, *DEPLOYMENTS]

    first, second = config(resources=resources).sources

    assert first.label_selector == "app=web,tier in (a,b),x notin (c),y,!z"
    assert (first.name, second.name) == ("deployment", "deployment-2")
    assert "its operator is not known" in said(resources=resources)


def test_filters():
    """Of the attributes that theirs has, in both nestings."""
    filters = [
        {"any": [{"exact": {"type": "dev.knative.apiserver.ref.update"}}]},
        {"not": {"prefix": {"name": "tmp-", "namespace": "x"}}},
    ]

    [route] = config(filters=filters).routes

    assert list(route.filters) == [
        {"any": [{"suffix": {"type": ".modified.v1"}}]},
        {
            "not": {
                "all": [
                    {"prefix": {"data.metadata.name": "tmp-"}},
                    {"prefix": {"data.metadata.namespace": "x"}},
                ]
            }
        },
    ]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"filters": [{"cesql": "x = 1"}]}, "the dialect 'cesql' is not known"),
        ({"filters": [{"exact": {"a": "1"}, "not": {}}]}, "expected one dialect"),
        ({"filters": [{}]}, "the dialect '' is not known"),
        ({"filters": [{"prefix": {"type": "dev."}}]}, "prefix of 'type'"),
        (
            {"filters": [{"exact": {"type": "dev.knative.apiserver.resource.add"}}]},
            "never matches in this mode",
        ),
        (
            {
                "resources": EVENTS,
                "filters": [{"exact": {"type": "dev.knative.apiserver.ref.add"}}],
            },
            "types of Events do not tell changes",
        ),
        ({"owner": {"kind": "Deployment"}}, "spec.owner: left out"),
        ({"serviceAccountName": "a"}, "kubebridge rbac"),
        ({"ceOverrides": {"extensions": {"type": "x"}}}, "theirs sends nothing"),
        ({"somethingNew": 1}, "somethingNew: is not known here"),
        ({"namespace": None}, "'default' is taken"),
    ],
)
def test_what_has_no_equivalent_is_told(spec, expected):
    """By line, and left out."""
    assert expected in said(**spec)
    assert config(**spec)


def test_overrides_are_extensions():
    """Their names in lower case, as theirs sends them."""
    made = config(ceOverrides={"extensions": {"clusterName": "prod"}})

    assert made.events.extensions == {"clustername": "prod"}
