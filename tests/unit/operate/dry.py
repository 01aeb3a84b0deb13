"""Configurations and events for dry runs."""

from bridge.config import parse_config
from bridge.config.parts import ingest_settings
from bridge.operate.sample import SAMPLE, GivenEvent, read_event

RECORDED = "2026-11-30T12:00:00Z"


def configured(text, **env):
    """Return a configuration of a cluster called prod."""
    return parse_config(f"cluster: {{name: prod}}\n{text}", name="b.yaml", env=env)


def given(config, event=SAMPLE) -> GivenEvent:
    """Return an event as a reader of the configuration would read it."""
    return read_event(event, settings=ingest_settings(config), recorded=RECORDED)


def sample(**changes):
    """Return the sample with other members."""
    return {**SAMPLE, **changes}
