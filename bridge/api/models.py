"""What the API takes and answers, as OpenAPI shows it. Names are in camelCase."""

from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from bridge.health import SinkState
from bridge.settings.docstrings import described

Item = TypeVar("Item")

Handles = Annotated[list[str], Field(min_length=1, max_length=1000)]
"""Names of stored rows; at most 1,000 in one request."""

QUERY = ConfigDict(use_attribute_docstrings=True)
"""For models of a query: FastAPI asks their fields, not their schema, for texts."""


class ApiModel(BaseModel):
    """A JSON object of the API."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        populate_by_name=True,
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the JSON Schema, fields described by their docstrings."""
        schema = handler(core_schema)
        described(handler.resolve_ref_schema(schema), cls)
        return schema


class AskedModel(ApiModel):
    """A JSON object of a request: all text in it can be stored and sent."""

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, given: Any) -> Any:
        if not _is_encodable(given):
            raise ValueError("expected text, got half of a surrogate pair")
        return given


def _is_encodable(given: Any) -> bool:
    """Return whether no text in a JSON value, however deep, has a lone surrogate."""
    left = [given]
    while left:
        match left.pop():
            case str() as text if not text.isascii():
                if any("\ud800" <= one <= "\udfff" for one in text):
                    return False
            case dict() as fields:
                left += [*fields, *fields.values()]
            case list() | tuple() as items:
                left += items
            case _:
                pass
    return True


class Problem(ApiModel):
    """Why a request was not done."""

    error: str
    """A sentence for people."""


class Items(ApiModel, Generic[Item]):
    """All there are."""

    items: list[Item]


class ListOf(ApiModel, Generic[Item]):
    """Some of many."""

    items: list[Item]

    next: str | None
    """What to give as `after` to read on, also when `items` is empty, for one request
    looks at a bounded number of rows; null: this was the end."""

    follow: str | None = None
    """What to give as `after`, with `order=oldest`, to read what came since. Of
    `order=newest` only the first page has it; null also: there was nothing yet."""


class ConfigText(ApiModel):
    """What is wrong with a configuration."""

    valid: bool
    """Whether the bridge would start with it."""

    problems: list[str]
    """One line for each fault: `file:line:column: key: what`."""


class Cursor(ApiModel):
    """Where the reader of one scope goes on."""

    id: str
    """Short digest of the scope; stays the same as long as the scope does."""

    cluster: str
    """uid of the cluster; for resource `@cluster` the configured name."""

    resource: str
    """What is read; `@cluster`: which cluster stands behind a configured name, and
    the version is its uid."""

    namespace: str
    field_selector: str
    label_selector: str
    resource_version: str

    moved: datetime
    """When it last moved."""

    in_use: bool
    """Whether a source of the running configuration reads this scope."""


class CursorPosition(AskedModel):
    """Where to go on."""

    resource_version: Annotated[str, Field(pattern=r"^[0-9]{1,20}$")]
    """Version after which changes are read again."""


class SinkView(ApiModel):
    """How deliveries to one sink go."""

    name: str

    configured: bool
    """Whether the running configuration has it. When it has not, what waits is kept
    until the name returns or it is purged."""

    state: SinkState | None
    """`active`: it gets events; `resting`: it asked for a rest; `paused`: somebody has
    to mend something; `circuit-open`: its breaker is open; `stopped`: by an operator;
    null: not configured."""

    reason: str
    """Why it is not active."""

    until: datetime | None
    """From when on it is tried again, with the next event; null: it is active,
    or stopped."""

    backlog: int
    """Deliveries that wait, those under way and those delayed included."""

    leased: int
    """Of these, under way."""

    delayed: int
    """Of these, not due yet."""

    delivered: int
    """Deliveries that were taken since the process started."""

    dead_letters: int

    oldest_age_seconds: float | None
    """How long the oldest waiting delivery has been in the queue; null: none waits."""

    last_error: str
    """Text of the last failed attempt; empty: none since the start. It stays when it
    is over, see `failing`."""

    last_error_at: datetime | None
    """When that was; null: none since the start."""

    last_success_at: datetime | None
    """When an event was last taken; null: none since the start."""

    failing: bool
    """Whether the last attempt failed, so that the last error is still true."""

    in_flight: int


class RouteView(ApiModel):
    """Which events go where."""

    name: str
    sources: list[str]
    filters: list[dict[str, Any]]
    sinks: list[str]

    implicit: bool
    """Whether it stands for a configuration without routes: everything everywhere."""


class KeptEvent(ApiModel):
    """An event that is still stored."""

    handle: str
    """Name for replay; also the place to page from."""

    stored: datetime
    """When it entered the queue."""

    waiting: list[str]
    """Sinks for which it still waits."""

    size_bytes: int
    """Length of the whole event in the structured form."""

    attributes: dict[str, Any]
    """Its context attributes."""


class KeptEventDetail(KeptEvent):
    """An event that is still stored, with all of it."""

    event: Any
    """The CloudEvent in the JSON format."""


class EventReplay(AskedModel):
    """Which kept events to deliver anew."""

    sink: str
    """Where to; a configured sink."""

    handles: Handles


class Replayed(ApiModel):
    """What came of a replay."""

    replayed: int
    """Deliveries that wait now."""

    skipped: int = 0
    """What was not replayed: it waits already, has no configured sink to go to, or was
    gone."""


class Purged(ApiModel):
    """What came of a purge."""

    purged: int
    """Deliveries or dead letters ended."""


class SinkPause(AskedModel):
    """An operator's word on a sink."""

    reason: Annotated[str, Field(max_length=256, pattern=r"^[^\x00-\x1f\x7f]*$")] = ""
    """Why, for whoever looks at it; shown beside the state."""


class Paused(ApiModel):
    """What came of a pause."""

    paused: bool
    """Nothing more is sent from now on."""


class Resumed(ApiModel):
    """What came of a resume."""

    resumed: bool
    """Whether the sink was held back; it is tried at once now."""
