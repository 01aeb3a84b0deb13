"""What is to be read for the sources of a configuration."""

import pytest

from bridge.cluster.settings import Target
from bridge.ingest import Source
from bridge.ingest.source import all_enrichment
from tests.unit.ingest.fakes import sources_of

BY_LABELS = 'routes: [{name: r, sources: [%s], labels: "app=web"}]'
BY_OWNER = "routes: [{name: r, sources: [%s], filters: [{exact: {%s: web}}]}]"


def only(source: str, more: str = "") -> Source:
    """Return what one source wants."""
    [wanted] = sources_of(source, more=more)
    return wanted


def test_source_takes_everything_by_default() -> None:
    """Every Event of every namespace, and no more watches than that."""
    wanted = only("{}")

    settings = wanted.settings
    assert settings.target == Target(api_version="v1", kind="Event")
    assert (wanted.name, wanted.is_plain) == ("events", True)
    assert (settings.chooses, settings.is_namespaced) == (False, False)
    assert wanted.enrich is None


def test_source_says_what_it_asks_for() -> None:
    """Each key reaches the reader."""
    source = only(
        "{resource: pods, initial: emit, keep: all, changes: [added, deleted],"
        " updates: relevant, ignore: [status], previous: true, resync: 1h,"
        ' fieldSelector: "a=b", labelSelector: "c=d"}'
    )

    assert (source.emits_initial, source.needs_objects) == (True, True)
    assert source.settings.changes == ("added", "deleted")
    assert source.ignore is not None
    assert "status" in source.ignore


def test_paths_to_ignore_count_where_updates_have_to_be_relevant() -> None:
    """Else every update is taken, and nothing is compared for it."""
    assert only("{kind: Pod}").ignore is None


@pytest.mark.parametrize(
    ("where", "chooses", "is_namespaced"),
    [
        ("namespaces: [a]", False, True),
        ("namespaces: [a, b]", True, True),
        ('namespaceSelector: "team=shop"', True, True),
    ],
)
def test_one_namespace_is_not_chosen_from_others(
    where: str, chooses: bool, is_namespaced: bool
) -> None:
    """It is watched alone."""
    settings = only(f"{{kind: Pod, {where}}}").settings

    assert (settings.chooses, settings.is_namespaced) == (chooses, is_namespaced)


def test_namespaces_are_selected_by_labels() -> None:
    """As Kubernetes reads a label selector."""
    selector = only('{kind: Pod, namespaceSelector: "team=shop"}').namespace_selector

    assert selector is not None
    assert (selector({"team": "shop"}), selector({})) == (True, False)


@pytest.mark.parametrize(
    ("more", "asked"),
    [
        (BY_LABELS % "events", (True, False)),
        (BY_OWNER % ("events", "ownername"), (False, True)),
        (BY_OWNER % ("events", "ownerkind"), (False, True)),
        (BY_LABELS % "pod", None),
        (BY_OWNER % ("events", "name"), None),
    ],
)
def test_routes_ask_for_enrichment(more: str, asked: tuple[bool, bool] | None) -> None:
    """Those that select by labels or read the owner; of what they take from."""
    events, pods = sources_of("{}", "{kind: Pod}", more=more)

    found = events.enrich and (events.enrich.labels, events.enrich.owner)
    assert (found, pods.enrich) == (asked, None)


def test_labels_for_routes_are_not_shown() -> None:
    """Only where the source asks for them itself."""
    routed = only("{}", BY_LABELS % "events")
    shown = only("{enrich: {labels: true}}", BY_LABELS % "events")

    assert (routed.hides_labels, shown.hides_labels) == (True, False)


@pytest.mark.parametrize(
    ("enrich", "is_asked"),
    [
        ("{labels: true}", True),
        ("{owner: true}", True),
        ("{annotations: [a]}", True),
        ("{kinds: [Pod]}", False),
    ],
)
def test_source_asks_for_enrichment(enrich: str, is_asked: bool) -> None:
    """By anything that is to be known; kinds alone are nothing."""
    assert (only(f"{{enrich: {enrich}}}").enrich is not None) is is_asked


def test_informers_know_what_any_source_asks_for() -> None:
    """They are shared."""
    wanted = sources_of(
        "{name: a, enrich: {labels: true, annotations: [x, y], kinds: [Pod]}}",
        "{name: b, enrich: {owner: true, annotations: [y, z], kinds: [Job, Pod]}}",
        "{kind: Pod}",
    )

    asked = all_enrichment(wanted)

    assert asked is not None
    assert (asked.labels, asked.owner) == (True, True)
    assert (asked.annotations, asked.kinds) == (("x", "y", "z"), ("Pod", "Job"))


def test_nothing_is_looked_up_where_no_source_asks() -> None:
    """Not even the default kinds."""
    assert all_enrichment(sources_of("{}", "{kind: Pod}")) is None
