"""Noise control decides by the events alone, and again so from its memos."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from bridge.config import parse_config
from bridge.errors import ConfigError
from bridge.events import CloudEvent
from bridge.events.origin import Origin
from bridge.filters.expressions import failures
from bridge.filters.noise import stages
from bridge.filters.noise.control import NoiseControl, time_of
from bridge.filters.noise.digest import digest_event
from bridge.filters.settings import RouteConfig

PAGE = (Path(__file__).parents[3] / "docs" / "noise.md").read_text(encoding="utf-8")
EXAMPLE, KEYS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
BOTH = ("pager", "audit")
TEN = 1_795_168_800
"""Ten o'clock, Unix seconds."""


def control(memos: Mapping[str, bytes] | None = None, **settings: Any) -> NoiseControl:
    """Return the noise control of route `pager`; `audit` has none."""
    routes = [{"name": "pager", **settings}, {"name": "audit"}]
    return NoiseControl(map(RouteConfig.model_validate, routes), memos or {})


def event(second: float = 0, name: str = "web", **more: Any) -> CloudEvent:
    """Return an event of a Pod, so many seconds after ten."""
    extensions = {"uid": name, "reason": "BackOff", **more}
    minutes, seconds = divmod(second, 60)
    return CloudEvent(
        id="1",
        source="/cluster",
        type="t",
        subject=f"shop/Pod/{name}",
        time=f"2026-11-20T10:{minutes:02.0f}:{seconds:06.3f}Z",
        extensions=extensions,
        data=b'{"message":"Back-off","count":3}',
    )


def passed(noise: NoiseControl, *events: CloudEvent) -> list[bool]:
    """Return which of some events go along route `pager`."""
    return ["pager" in noise(one, BOTH) for one in events]


def stored(noise: NoiseControl, memos: dict[str, bytes]) -> dict[str, bytes]:
    """Return what is remembered once the memos of a commit are stored."""
    for key, value in noise.take_memos():
        memos.pop(key, None)
        if value is not None:
            memos[key] = value
    return memos


def test_first_of_a_key_passes_until_its_window_is_over() -> None:
    """And the next one then begins a new window."""
    noise = control(dedup={"window": "10s"})

    seconds = [0, 1, 9.999, 10, 11, 20]

    assert passed(noise, *map(event, seconds)) == [
        True,
        False,
        False,
        True,
        False,
        True,
    ]
    assert noise.take_held_back() == {("pager", "dedup"): 3}
    assert noise.take_held_back() == {}


def test_other_routes_and_other_objects_are_not_held_back() -> None:
    """Each key has its own window, and each route its own stages."""
    noise = control(dedup={})

    passed(noise, event())

    assert noise(event(), BOTH) == ("audit",)
    assert noise(event(), ("audit",)) == ("audit",)
    assert passed(noise, event(name="shop"), event(reason="Killing")) == [True, True]


def test_object_without_uid_is_known_by_its_subject() -> None:
    """As a Kubernetes Event about an object that names none."""
    noise = control(dedup={})

    events = [event(name=name, uid="") for name in ("a", "b", "a")]

    assert passed(noise, *events) == [True, True, False]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (["reason"], [True, False, True]),
        (["data.message"], [True, False, False]),
        ([], [True, False, False]),
        ("event.reason ~ object.count", [True, False, True]),
    ],
)
def test_key_is_of_attributes_and_places_or_an_expression(
    key: Sequence[str] | str, expected: list[bool]
) -> None:
    """Events for which it is the same are repeats of each other."""
    noise = control(dedup={"key": key})

    events = [event(), event(name="shop"), event(reason="Killing")]

    assert passed(noise, *events) == expected


def test_event_whose_key_cannot_be_computed_passes() -> None:
    """It is counted with the failures of expressions; rather one too many."""
    text = "event.reason.no.such.thing + 1"
    noise = control(dedup={"key": text})

    assert passed(noise, event(), event()) == [True, True]
    assert failures.all()[text][0] == 2
    assert noise.take_memos() == []


def test_throttle_passes_so_many_of_a_window() -> None:
    """The window begins with the first of them."""
    noise = control(throttle={"count": 2, "window": "60s"})

    seconds = [5, 6, 7, 64, 65]

    assert passed(noise, *map(event, seconds)) == [True, True, False, False, True]
    assert noise.take_held_back() == {("pager", "throttle"): 2}


def test_least_count_asks_kubernetes_events_only() -> None:
    """What is not counted, such as a change of a Deployment, passes."""
    noise = control(minCount=3)

    events = [event(count=2), event(count=3), event()]

    assert passed(noise, *events) == [False, True, True]
    assert noise.take_held_back() == {("pager", "minCount"): 1}
    assert noise.most_memos_per_event == 0


def test_repeats_do_not_count_against_the_throttle() -> None:
    """The stages are asked in order, until one holds the event back."""
    noise = control(dedup={}, throttle={"count": 2, "key": []})

    events = [event(), event(), event(name="b"), event(name="c")]

    assert passed(noise, *events) == [True, False, True, False]
    assert noise.take_held_back() == {
        ("pager", "dedup"): 1,
        ("pager", "throttle"): 1,
    }


def test_decisions_are_the_same_after_a_restart_at_any_event() -> None:
    """The state is built again from what is remembered."""
    settings = {"dedup": {"window": "20s"}, "throttle": {"count": 2, "key": ["reason"]}}
    events = [event(n, name="abc"[n % 3], reason="xy"[n % 2]) for n in range(60)]
    expected = passed(control(**settings), *events)

    for kill in range(len(events)):
        noise, memos = control(**settings), dict[str, bytes]()
        before = passed(noise, *events[:kill])
        again = control(stored(noise, memos), **settings)
        assert before + passed(again, *events[kill:]) == expected


def test_window_that_is_over_is_forgotten() -> None:
    """So that little is remembered."""
    noise, memos = control(dedup={"window": "10s"}), dict[str, bytes]()

    for number in range(100):
        passed(noise, event(number, name=f"pod-{number}"))
        stored(noise, memos)

    assert len(memos) == 10


def test_oldest_window_leaves_when_there_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its key passes once more; what is remembered stays bounded."""
    monkeypatch.setattr(stages, "MOST_KEYS", 3)
    noise = control(dedup={"window": "1h"})

    passed(noise, *(event(name=name) for name in "abcd"))

    assert passed(noise, event(name="d"), event(name="a")) == [False, True]
    assert len(stored(noise, {})) <= 3


def test_memos_of_a_stage_that_is_gone_are_forgotten() -> None:
    """Those of the others stay."""
    settings = {"dedup": {}, "throttle": {"count": 1}}
    noise, memos = control(**settings), dict[str, bytes]()
    passed(noise, event())
    stored(noise, memos)

    again = control(memos, dedup={})

    assert len(memos) == 2
    assert [key.split("/")[1] for key in stored(again, memos)] == ["dedup"]
    assert passed(again, event()) == [False]


@pytest.mark.parametrize(
    ("time", "recorded", "expected"),
    [
        ("2026-11-20T10:00:01Z", None, 1),
        ("2026-11-20T10:00:01Z", "2026-11-20T11:00:00Z", 1),
        ("2026-11-20T10:01:00Z", "2026-11-20T10:00:00Z", 60),
        ("2026-11-20T10:01:01Z", "2026-11-20T10:00:00Z", 0),
        ("2026-11-20T10:00:60Z", "2026-11-20T10:00:02Z", 2),
        (None, "2026-11-20T10:00:02Z", 2),
        (None, None, -TEN),
    ],
)
def test_time_is_that_of_the_event_unless_it_cannot_be(
    time: str | None, recorded: str | None, expected: float
) -> None:
    """A replay after a downtime decides the same; a wrong clock ends no window."""
    extensions = {} if recorded is None else {"recordedtime": recorded}
    one = CloudEvent(id="1", source="/", type="t", time=time, extensions=extensions)

    assert time_of(one) - TEN == expected


@pytest.mark.parametrize(
    ("settings", "fault"),
    [
        ("dedup: {key: 5}", "key: expected a list of attributes such as [uid, reason]"),
        ("dedup: {key: [a-b]}", "key: expected the name of an attribute"),
        ("dedup: {key: [message]}", "did you mean 'data.message'?"),
        ("dedup: {key: 'object.'}", "key: unexpected end"),
        ("throttle: {}", "throttle.count: expected a value, got none"),
        ("throttle: {count: 0}", "throttle.count: expected at least 1, got 0"),
        ("minCount: 2, digest: 5m", "expected dedup or throttle beside digest"),
        ("minCount: few", "minCount: expected a whole number, got 'few'"),
    ],
)
def test_fault_of_the_settings_is_clear(settings: str, fault: str) -> None:
    """It names the place, what was expected and what was got."""
    text = f"sinks: [{{type: stdout, name: o}}]\nroutes: [{{name: r, {settings}}}]"

    with pytest.raises(ConfigError) as caught:
        parse_config(text, name="b.yaml", env={})

    assert fault in str(caught.value)


def test_digest_sums_up_what_was_held_back() -> None:
    """How many, by which stage, when, and of which objects; minCount is left out."""
    noise = control(minCount=2, dedup={}, digest="5m")
    read = {"recordedtime": "2026-11-20T10:30:00Z", "count": 2}

    passed(noise, *(event(n, name="abcdefg"[n % 7], **read) for n in range(20)))
    passed(noise, event(count=1))

    assert noise.take_digests(TEN + 1800 + 299) == {}
    digest = noise.take_digests(TEN + 1800 + 300)["pager"]
    assert (digest.count, digest.stages) == (13, {"dedup": 13})
    assert (digest.first - TEN, digest.last - TEN) == (7, 19)
    assert [one.count for one in digest.examples] == [2, 2, 2, 2, 2]
    assert noise.take_digests(TEN + 9999) == {}


def test_digest_goes_on_after_a_restart() -> None:
    """It is forgotten once it was taken, in the same commit."""
    noise, memos = control(dedup={}, digest="5m"), dict[str, bytes]()
    passed(noise, event(), event())

    again = control(stored(noise, memos), dedup={}, digest="5m")
    passed(again, event())
    stored(again, memos)

    assert "pager/digest" in memos
    assert again.take_digests(TEN + 300)["pager"].count == 2
    assert "pager/digest" not in stored(again, memos)


def test_event_of_a_digest_says_what_people_ask() -> None:
    """It is valid, and its id is stable."""
    noise = control(dedup={}, digest="5m")
    passed(noise, event(), event(1), event(2))
    digest = noise.take_digests(TEN + 301)["pager"]

    origin = Origin(cluster="prod")
    one = digest_event(digest, route="pager", scope={}, until=TEN + 300, origin=origin)

    assert (one.type, one.subject) == ("io.kubebridge.digest.v1", "pager")
    assert one.id.startswith(f"digest-pager-{TEN + 1}000-")
    data = msgspec.json.decode(one.data or b"")
    assert data["message"].startswith("2 events of route pager were held back since")
    assert data["last"] == "2026-11-20T10:00:02Z"
    assert data["examples"] == [
        {"subject": "shop/Pod/web", "reason": "BackOff", "count": 2}
    ]


def test_example_of_the_page_is_usable() -> None:
    """And nothing in it is idle."""
    config = parse_config(EXAMPLE, name="bridge.yaml", env={})

    assert config.warnings == ()
    assert config.routes[0].digest == 300


@pytest.mark.parametrize("line", KEYS.splitlines())
def test_keys_of_the_page_are_keys(line: str) -> None:
    """Each can be computed from an event."""
    noise = control(**yaml.safe_load(line))

    assert passed(noise, event()) == [True]
    assert len(noise.take_memos()) == 1
