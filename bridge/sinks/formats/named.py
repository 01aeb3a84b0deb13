"""The formats that a sink can ask for by name, besides CloudEvents' own."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Discriminator, Tag

from bridge.settings.model import Model, did_you_mean, mismatch
from bridge.sinks.formats import Format
from bridge.sinks.formats.alertmanager import AlertmanagerConfig, AlertmanagerFormat
from bridge.sinks.formats.datadog import DatadogConfig, datadog_body
from bridge.sinks.formats.discord import DiscordConfig, discord_body
from bridge.sinks.formats.elasticsearch import ElasticsearchConfig, ElasticsearchFormat
from bridge.sinks.formats.google_chat import GoogleChatConfig, google_chat_body
from bridge.sinks.formats.grafana import GrafanaConfig, grafana_body
from bridge.sinks.formats.lines import LinesConfig, LinesFormat
from bridge.sinks.formats.loki import LokiConfig, LokiFormat
from bridge.sinks.formats.message import Body, MessageFormat
from bridge.sinks.formats.opsgenie import OpsgenieConfig, opsgenie_body
from bridge.sinks.formats.otlp import OtlpConfig, OtlpFormat
from bridge.sinks.formats.pagerduty import PagerDutyConfig, pagerduty_body
from bridge.sinks.formats.slack import SlackConfig, SlackFormat
from bridge.sinks.formats.splunk import SplunkConfig, SplunkFormat
from bridge.sinks.formats.teams import TeamsConfig, teams_body
from bridge.sinks.formats.template import TemplateConfig, TemplateFormat
from bridge.sinks.http.classify import ResponseClassifier

_CONFIGS: Final = {
    "alertmanager": AlertmanagerConfig,
    "datadog": DatadogConfig,
    "discord": DiscordConfig,
    "elasticsearch": ElasticsearchConfig,
    "google-chat": GoogleChatConfig,
    "grafana": GrafanaConfig,
    "lines": LinesConfig,
    "loki": LokiConfig,
    "opsgenie": OpsgenieConfig,
    "otlp": OtlpConfig,
    "pagerduty": PagerDutyConfig,
    "slack": SlackConfig,
    "splunk": SplunkConfig,
    "teams": TeamsConfig,
    "template": TemplateConfig,
}

FORMAT_TAGS: Final = frozenset(f"<{name}>" for name in _CONFIGS)
"""Steps that pydantic adds to the location of a fault in a format's settings."""


def _spelled_out(value: object) -> object:
    """Return a format with its settings: the name alone is enough for most."""
    if isinstance(value, tuple(_CONFIGS.values())):
        return value
    written = {"type": value} if isinstance(value, str) else value
    name = written.get("type") if isinstance(written, dict) else None
    if not isinstance(name, str) or name not in _CONFIGS:
        hint = did_you_mean(name, _CONFIGS) if isinstance(name, str) else ""
        raise mismatch(f"expected the name of a format, or its type and settings{hint}")
    return written


def _name_of(value: object) -> str:
    name = value.get("type") if isinstance(value, dict) else getattr(value, "type", "")
    return f"<{name}>"


FormatConfig = Annotated[
    Annotated[AlertmanagerConfig, Tag("<alertmanager>")]
    | Annotated[DatadogConfig, Tag("<datadog>")]
    | Annotated[DiscordConfig, Tag("<discord>")]
    | Annotated[ElasticsearchConfig, Tag("<elasticsearch>")]
    | Annotated[GoogleChatConfig, Tag("<google-chat>")]
    | Annotated[GrafanaConfig, Tag("<grafana>")]
    | Annotated[LinesConfig, Tag("<lines>")]
    | Annotated[LokiConfig, Tag("<loki>")]
    | Annotated[OpsgenieConfig, Tag("<opsgenie>")]
    | Annotated[OtlpConfig, Tag("<otlp>")]
    | Annotated[PagerDutyConfig, Tag("<pagerduty>")]
    | Annotated[SlackConfig, Tag("<slack>")]
    | Annotated[SplunkConfig, Tag("<splunk>")]
    | Annotated[TeamsConfig, Tag("<teams>")]
    | Annotated[TemplateConfig, Tag("<template>")],
    Discriminator(_name_of),
    BeforeValidator(_spelled_out, json_schema_input_type=object),
]
"""A format and its settings; a format without settings is its name alone."""


_BODIES: Final[Mapping[type[Model], Callable[[Any], Body]]] = {
    DatadogConfig: lambda settings: partial(datadog_body, tags=settings.tags),
    DiscordConfig: lambda settings: partial(discord_body, username=settings.username),
    GoogleChatConfig: lambda _: google_chat_body,
    GrafanaConfig: lambda settings: partial(grafana_body, tags=settings.tags),
    OpsgenieConfig: lambda settings: partial(opsgenie_body, tags=settings.tags),
    TeamsConfig: lambda _: teams_body,
}
"""Messages for people: the body for each format's settings."""


def named_format(
    settings: FormatConfig, classifier: ResponseClassifier, *, sink: str
) -> Format:
    """Return the format that a sink asks for.

    Args:
        settings: Its name and settings.
        classifier: Says what a status means.
        sink: Name of the sink, for messages.
    """
    match settings:
        case AlertmanagerConfig() | SlackConfig() | TemplateConfig():
            return _single(settings, classifier, sink)
        case (
            ElasticsearchConfig()
            | LinesConfig()
            | LokiConfig()
            | OtlpConfig()
            | SplunkConfig()
        ):
            return _bulk(settings, classifier, sink)
        case PagerDutyConfig():
            key = settings.routing_key.open()
            return MessageFormat(
                classifier=classifier,
                body=lambda message: pagerduty_body(
                    message, routing_key=key.read, resolves=settings.resolves
                ),
                secrets=(key,),
            )
        case _:
            body = _BODIES[type(settings)](settings)
            return MessageFormat(classifier=classifier, body=body)


def _single(
    settings: AlertmanagerConfig | SlackConfig | TemplateConfig,
    classifier: ResponseClassifier,
    sink: str,
) -> Format:
    match settings:
        case AlertmanagerConfig():
            return AlertmanagerFormat(
                classifier=classifier,
                ends_after_seconds=settings.ends_after,
                labels=settings.labels,
            )
        case SlackConfig():
            return SlackFormat(classifier=classifier, sink=sink, settings=settings)
        case _:
            return TemplateFormat(classifier=classifier, sink=sink, settings=settings)


def _bulk(
    settings: ElasticsearchConfig
    | LinesConfig
    | LokiConfig
    | OtlpConfig
    | SplunkConfig,
    classifier: ResponseClassifier,
    sink: str,
) -> Format:
    match settings:
        case ElasticsearchConfig():
            return ElasticsearchFormat(
                classifier=classifier,
                sink=sink,
                index=settings.index,
                is_stream=settings.data_stream,
                max_batch=settings.batch,
            )
        case LinesConfig():
            return LinesFormat(classifier=classifier, max_batch=settings.batch)
        case LokiConfig():
            return LokiFormat(
                classifier=classifier,
                labels=settings.labels,
                job=settings.job,
                max_batch=settings.batch,
            )
        case OtlpConfig():
            return OtlpFormat(
                classifier=classifier,
                sink=sink,
                body=settings.body,
                max_batch=settings.batch,
            )
        case _:
            return SplunkFormat(
                classifier=classifier,
                index=settings.index,
                sourcetype=settings.sourcetype,
                max_batch=settings.batch,
            )
