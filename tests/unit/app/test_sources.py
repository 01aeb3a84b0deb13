"""What is to be read for the sources of a configuration."""

import pytest

from bridge.app.sources import WantedSource, all_enrichment, by_target
from bridge.cluster.discovery import Target
from bridge.ingest import CHANGES
from tests.unit.app.fakes import wanted_of

BY_LABELS = 'routes: [{name: r, sources: [%s], labels: "app=web"}]'
BY_OWNER = "routes: [{name: r, sources: [%s], filters: [{exact: {%s: web}}]}]"


def only(source: str, more: str = "") -> WantedSource:
    """Return what one source wants."""
    [wanted] = wanted_of(source, more=more)
    return wanted


def test_source_takes_everything_by_default() -> None:
    """Every Event of every namespace, and no more watches than that."""
    wanted = only("{}")

    assert wanted.target == Target(api_version="v1", kind="Event")
    assert (wanted.source.name, wanted.source.is_plain) == ("events", True)
    assert (wanted.chooses, wanted.is_namespaced, wanted.enrich) == (False, False, None)
    assert wanted.source.changes == CHANGES


def test_source_says_what_it_asks_for() -> None:
    """Each key reaches the reader."""
    source = only(
        "{resource: pods, initial: emit, keep: all, changes: [added, deleted],"
        " updates: relevant, ignore: [status], previous: true, resync: 1h,"
        ' fieldSelector: "a=b", labelSelector: "c=d"}'
    )

    one = source.source
    assert (one.emits_initial, one.keeps_all, one.wants_previous) == (True, True, True)
    assert (one.changes, one.resync_seconds) == ({"added", "deleted"}, 3600)
    assert one.ignore is not None
    assert "status" in one.ignore
    assert (source.field_selector, source.label_selector) == ("a=b", "c=d")


def test_paths_to_ignore_count_where_updates_have_to_be_relevant() -> None:
    """Else every update is taken, and nothing is compared for it."""
    assert only("{kind: Pod}").source.ignore is None


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
    wanted = only(f"{{kind: Pod, {where}}}")

    assert (wanted.chooses, wanted.is_namespaced) == (chooses, is_namespaced)


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
    events, pods = wanted_of("{}", "{kind: Pod}", more=more)

    found = events.enrich and (events.enrich.labels, events.enrich.owner)
    assert (found, events.source.wants_concerned) == (asked, asked is not None)
    assert (pods.enrich, pods.source.wants_concerned) == (None, False)


def test_labels_for_routes_are_not_shown() -> None:
    """Only where the source asks for them itself."""
    routed = only("{}", BY_LABELS % "events")
    shown = only("{enrich: {labels: true}}", BY_LABELS % "events")

    assert (routed.source.hides_labels, shown.source.hides_labels) == (True, False)


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
    wanted = wanted_of(
        "{name: a, enrich: {labels: true, annotations: [x, y], kinds: [Pod]}}",
        "{name: b, enrich: {owner: true, annotations: [y, z], kinds: [Job, Pod]}}",
        "{kind: Pod}",
    )

    asked = all_enrichment(wanted)

    assert (asked.labels, asked.owner) == (True, True)
    assert (asked.annotations, asked.kinds) == (("x", "y", "z"), ("Pod", "Job"))


def test_sources_of_one_kind_are_found_together() -> None:
    """One question to the API server."""
    found = by_target(
        wanted_of("{name: a, kind: Pod}", "{name: b, kind: Pod}", "{resource: pods}")
    )

    names = {str(t): [one.source.name for one in group] for t, group in found.items()}
    assert names == {"v1 Pod": ["a", "b"], "pods": ["pods"]}
