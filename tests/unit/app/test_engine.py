"""Which client speaks HTTP to a sink."""

import pytest

from bridge.config import parse_config
from bridge.metrics import Metrics
from bridge.sinks.transports.aiohttp import AiohttpTransport
from bridge.sinks.transports.egress import Egress
from bridge.sinks.transports.llhttp.transport import LlhttpTransport
from tests.unit.app.building import build_sinks


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("", LlhttpTransport),
        (", engine: aiohttp", AiohttpTransport),
        (", engine: llhttp", LlhttpTransport),
    ],
)
async def test_engine_is_that_of_the_configuration(key, kind):
    """Without the key it is ours."""
    text = f"sinks: [{{name: a, url: 'http://h'{key}}}]"
    config = parse_config(text, name="bridge.yaml", env={})

    async with build_sinks(
        config, egress=Egress(), metrics=Metrics(version="0")
    ) as sinks:
        (sink,) = sinks

    assert type(sink._transport) is kind
