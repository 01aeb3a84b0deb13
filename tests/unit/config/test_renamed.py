"""Keys that were written otherwise before: refused, with their place and new name."""

import pytest
from pydantic import BaseModel

from bridge.config import parse_config
from bridge.config.models import Config
from bridge.errors import ConfigError
from bridge.settings.model import Model

HOOK = "sinks: [{name: a, url: http://a"

RENAMED = {
    "queue: {max_size: 1GiB}": ("queue.max_size", "maxSize"),
    "queue: {keep_size: 1GiB}": ("queue.keep_size", "keepSize"),
    "journal: {max_size: 1GiB}": ("journal.max_size", "maxSize"),
    "events: {type_prefix: io.a}": ("events.type_prefix", "typePrefix"),
    f"{HOOK}, max_backlog: 5}}]": ("sinks[0].max_backlog", "maxBacklog"),
    f"{HOOK}, on_full: block}}]": ("sinks[0].on_full", "onFull"),
    f"{HOOK}, dead_letter_sink: b}}]": ("sinks[0].dead_letter_sink", "deadLetterSink"),
    f"{HOOK}, rate: {{per_second: 5}}}}]": ("sinks[0].rate.per_second", "perSecond"),
    f"{HOOK}, rate: {{per_minute: 5}}}}]": ("sinks[0].rate.per_minute", "perMinute"),
    f"{HOOK}, outcomes: {{dead_letter: [409]}}}}]": (
        "sinks[0].outcomes.dead_letter",
        "deadLetter",
    ),
    f"{HOOK}, outcomes: {{error_attempts: 5}}}}]": (
        "sinks[0].outcomes.error_attempts",
        "errorAttempts",
    ),
}


@pytest.mark.parametrize("text", RENAMED)
def test_an_old_key_is_refused_with_its_new_name(text):
    """The line and column are those of the key (issue 11, section 1)."""
    place, new = RENAMED[text]
    column = text.index(place.rpartition(".")[2]) + 1

    with pytest.raises(ConfigError) as caught:
        parse_config(text, name="bridge.yaml", env={"K_SINK": "http://k"})

    message = f"unknown key, was renamed to '{new}'"
    assert f"bridge.yaml:1:{column}: {place}: {message}" in caught.value.problems


def models() -> list[type[BaseModel]]:
    """All models of the document."""
    found: list[type[BaseModel]] = [Model]
    for one in found:
        found += one.__subclasses__()
    return found


def test_no_key_of_the_document_has_an_underscore():
    """Configuration is in camelCase throughout (issue 11, section 1)."""
    keys = {str(one.alias) for each in models() for one in each.model_fields.values()}

    assert Config in models()
    assert {"maxSize", "deadLetterSink"} < keys
    assert not [key for key in keys if "_" in key]
