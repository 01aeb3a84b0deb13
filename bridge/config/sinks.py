"""Where events go: the models of `sinks`, composed of those of the parts."""

from typing import Annotated, Literal

from pydantic import Discriminator, Tag

from bridge.deliver.settings import SenderConfig
from bridge.sinks.http.settings import HttpConfig
from bridge.sinks.settings import AnySinkConfig


class HttpSinkConfig(HttpConfig, SenderConfig):
    """A webhook: each event is POSTed to a URL."""


class StdoutSinkConfig(AnySinkConfig, SenderConfig):
    """One line of JSON for each event, on standard output."""

    type: Literal["stdout"]
    """Kind of sink."""


def _sink_type(value: object) -> str:
    written = value.get("type") if isinstance(value, dict) else None
    is_stdout = written == "stdout" or isinstance(value, StdoutSinkConfig)
    return "<stdout>" if is_stdout else "<http>"


SinkConfig = Annotated[
    Annotated[HttpSinkConfig, Tag("<http>")]
    | Annotated[StdoutSinkConfig, Tag("<stdout>")],
    Discriminator(_sink_type),
]
"""One of the kinds of sinks, told apart by `type`."""
