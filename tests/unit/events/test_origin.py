"""What is wrong with an origin is found before the first event."""

import pytest

from bridge.errors import InvalidEventError
from bridge.events.origin import Origin


def test_origin_makes_the_source_of_the_cluster():
    """Source is stable and absolute, and says the cluster."""
    assert Origin(cluster="prod.eu-1").uri == "kubernetes://prod.eu-1"


def test_origin_takes_another_source():
    """The API server's URL is what ApiServerSource sends."""
    origin = Origin(cluster="prod", source="https://10.96.0.1:443")

    assert origin.uri == "https://10.96.0.1:443"


@pytest.mark.parametrize(
    "cluster", ["", "Prod", "a_b", "-a", "a-", "a..b", ".a", "a/b", "é", "a" * 254]
)
def test_origin_refuses_names_of_clusters(cluster):
    """A cluster is called by a DNS subdomain (RFC 1123)."""
    with pytest.raises(InvalidEventError, match=r"^cluster: expected a DNS subdomain"):
        Origin(cluster=cluster)


def test_origin_refuses_a_source():
    """What is no URI-reference would spoil every event."""
    with pytest.raises(InvalidEventError, match="'source': expected"):
        Origin(cluster="prod", source="a b")


def test_origin_refuses_a_type_prefix():
    """Types begin with a reverse DNS name (core, type)."""
    with pytest.raises(InvalidEventError, match=r"^type_prefix: expected"):
        Origin(cluster="prod", type_prefix="io.Kube bridge")


@pytest.mark.parametrize("name", ["type", "subject", "id", "data", "clusterName"])
def test_origin_refuses_names_of_overrides(name):
    """An override of a core attribute would spoil every event."""
    with pytest.raises(InvalidEventError, match=f"^attribute '{name}'"):
        Origin(cluster="prod", extensions={name: "x"})


def test_origin_refuses_text_of_overrides():
    """A value that no attribute may have would spoil every event."""
    with pytest.raises(InvalidEventError, match=r"^attribute 'a': expected text"):
        Origin(cluster="prod", extensions={"a": "x\n"})
