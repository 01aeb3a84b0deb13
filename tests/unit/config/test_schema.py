"""The JSON Schema of the configuration."""

import json
import re
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from bridge.config import json_schema
from bridge.filters.subscriptions import DIALECTS
from tests.unit.config.faults import HOOK
from tests.unit.config.test_load import WHOLE

COMMITTED = Path(__file__).parents[3] / "docs" / "config.schema.json"


def is_valid(text):
    """Return whether the schema accepts a document."""
    return Draft202012Validator(json_schema()).is_valid(yaml.safe_load(text))


def test_the_committed_schema_is_in_step():
    """`kubebridge schema > docs/config.schema.json` brings it there."""
    committed = json.loads(COMMITTED.read_text(encoding="utf-8"))

    assert committed == json_schema()


def test_the_schema_is_one():
    """It is valid by the draft that it names."""
    Draft202012Validator.check_schema(json_schema())


@pytest.mark.parametrize("text", [HOOK, WHOLE.replace("No}", "'No'}")])
def test_the_schema_accepts_what_the_documentation_shows(text):
    """Examples are valid in an editor too."""
    assert is_valid(text)


def test_the_schema_knows_every_dialect():
    """An editor marks no filter that the bridge takes."""
    page = (COMMITTED.parent / "filters.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)

    accepted = [is_valid(block) for block in blocks if "routes:" in block]

    assert accepted
    assert all(accepted)
    assert set(json_schema()["$defs"]["Filter"]["properties"]) == set(DIALECTS)


@pytest.mark.parametrize(
    "text",
    [
        "sinks: [{name: a}]",
        "sinks: [{name: a, type: stdout, url: x}]",
        "sinks: [{name: a, url: http://h, timeout: 5}]",
        "sinks: [{name: a, url: http://h, auth: {bearer: secret}}]",
        "sinks: [{name: a, url: http://h, auth: {bearer: {}}}]",
        "sources: [{kind: pod/x}]",
        "sources: []",
        "queue: {maxSize: 5}",
        "routes: [{name: r, filters: [{exat: {a: b}}]}]",
        "routes: [{name: r, filters: [{any: []}]}]",
        "grce: 5s",
    ],
)
def test_the_schema_refuses_what_the_bridge_refuses(text):
    """An editor marks these before anything is started."""
    assert not is_valid(text)


def test_every_key_is_explained():
    """What an editor shows beside a key is the docstring of the field."""
    schema = json_schema()
    objects = [schema, *schema["$defs"].values()]

    unexplained = [
        f"{one.get('title')}.{name}"
        for one in objects
        for name, field in one["properties"].items()
        if "description" not in field
    ]

    assert unexplained == []
