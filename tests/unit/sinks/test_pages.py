"""What webhooks.md, knative.md and sinks.md promise, against the code."""

import re

import pytest

from bridge.config import parse_config
from bridge.metrics import Metrics
from bridge.sinks.http.statuses import OutcomesConfig, StatusRules
from bridge.sinks.transports.aiohttp import IDLE_SECONDS
from bridge.sinks.transports.egress import Egress
from tests.unit.app.building import build_sinks
from tests.unit.sinks import test_handshake
from tests.unit.sinks.meanings import DOCS, meaning, statuses, table

RULES = table("webhooks.md", "Rule")
KNATIVE = table("knative.md", "Status")
USUAL = table("sinks.md", "Status")

OF_CONTRACT = {
    "done": ("delivered",),
    "no retry": ("dead letter",),
    "retry": ("tried again", "the sink rests"),
}


@pytest.fixture
async def preset():
    """What statuses mean to a sink with the preset."""
    text = "sinks: [{name: a, url: 'http://h', knative: true}]"
    async with build_sinks(
        parse_config(text, name="b", env={}),
        egress=Egress(),
        metrics=Metrics(version="0"),
    ) as [sink]:
        yield sink._classifier._outcomes


def test_every_rule_of_the_sender_has_its_row():
    """S1 to S18, in order."""
    assert [row[0] for row in RULES] == [f"S{number}" for number in range(1, 19)]


@pytest.mark.parametrize("row", RULES, ids=lambda row: row[0])
def test_every_rule_has_its_tests(row):
    """All that carry its number, and no others."""
    prefix = f"test_{row[0].lower()}_"
    there = [name for name in vars(test_handshake) if name.startswith(prefix)]

    assert there
    assert sorted(re.findall(r"`(test_\w+)`", row[3])) == sorted(there)


@pytest.mark.parametrize("row", KNATIVE, ids=lambda row: row[0])
def test_statuses_mean_what_the_table_of_knative_says(row, preset):
    """Usually, and with the preset."""
    for status in statuses(row[0]):
        assert meaning(StatusRules(OutcomesConfig()), status) == row[2]
        assert meaning(preset, status) == row[3]


@pytest.mark.parametrize("row", KNATIVE, ids=lambda row: row[0])
def test_every_difference_from_the_contract_is_explained(row):
    """And only where there is one."""
    page = (DOCS / "knative.md").read_text(encoding="utf-8")
    differs = row[3] not in OF_CONTRACT[row[1]]

    assert bool(row[4]) is differs
    assert not differs or f"\n- **{row[4]}** " in page


def test_every_explanation_is_of_a_difference():
    """None is left over from an earlier table."""
    page = (DOCS / "knative.md").read_text(encoding="utf-8")

    explained = set(re.findall(r"^- \*\*(\w)\*\*", page, re.MULTILINE))
    assert explained == {row[4] for row in KNATIVE} - {""}


@pytest.mark.parametrize("row", USUAL, ids=lambda row: row[0])
def test_statuses_mean_what_the_table_of_outcomes_says(row):
    """In the first words of the row, more or less."""
    words = {
        "tried again, then paused": "tried again for 10 minutes, then paused",
        "tried again, 5 attempts": "tried again, 5 attempts in all",
        "the sink rests": "tried again, not before `Retry-After`",
        "paused, or dead letter": "paused, or a dead letter",
    }
    for status in statuses(row[0].partition(" and any")[0]):
        found = meaning(StatusRules(OutcomesConfig()), status)
        assert row[1].startswith(words.get(found, found))


def test_the_table_of_outcomes_names_every_status_that_is_special():
    """What it does not name means what its class does."""
    named = {status for row in USUAL for status in statuses(row[0])}
    usual = {3: "paused", 4: "dead letter", 5: "tried again"}

    for status in set(range(300, 600)) - named:
        assert meaning(StatusRules(OutcomesConfig()), status) == usual[status // 100]


@pytest.mark.parametrize("page", ["webhooks.md", "knative.md"])
def test_the_example_is_usable(page):
    """As it stands there."""
    text = (DOCS / page).read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)

    assert len(parse_config(example, name="bridge.yaml", env={}).sinks) == 1


def test_the_example_of_outcomes_is_usable():
    """The third block of its page."""
    text = (DOCS / "sinks.md").read_text(encoding="utf-8")
    example = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[-1]

    [sink] = parse_config(example, name="bridge.yaml", env={}).sinks
    assert sink.outcomes.retry == (404, 401)


def test_connections_end_before_a_broker_ends_them():
    """A Knative ingress closes them after 10 s."""
    assert IDLE_SECONDS == 8
