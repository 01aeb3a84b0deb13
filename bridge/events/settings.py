"""Settings of the events that are made: `events` of the configuration."""

from typing import Annotated

from pydantic import AfterValidator, Field

from bridge.errors import InvalidEventError
from bridge.events import validation as rules
from bridge.settings.model import Model, fault, mismatch
from bridge.settings.values import TypePrefix


def _extension_name(name: str) -> str:
    if name in rules.CORE_ATTRIBUTES:
        raise fault(f"expected an extension, got the core attribute '{name}'")
    if not rules.is_attribute_name(name):
        raise mismatch("expected a name of a-z and 0-9 other than 'data'")
    return name


def _extension_text(text: str) -> str:
    try:
        rules.check_text("", text)
    except InvalidEventError:
        raise mismatch("expected text without control characters") from None
    return text


ExtensionName = Annotated[str, AfterValidator(_extension_name)]
ExtensionText = Annotated[str, AfterValidator(_extension_text)]


class EventsConfig(Model):
    """Attributes that all events share."""

    type_prefix: TypePrefix = "io.kubebridge"
    """Beginning of each `type`; a reverse-DNS name."""

    extensions: dict[ExtensionName, ExtensionText] = Field(default_factory=dict)
    """Extension attributes added to each event; they win over our own. `K_CE_OVERRIDES`
    adds to them."""
