"""Forms of requests and responses that endpoints share, and the parts they work on.

JSON names are in camelCase.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema

from bridge.api.context import ApiContext
from bridge.settings.docstrings import described

Item = TypeVar("Item")

Handles = Annotated[list[str], Field(min_length=1, max_length=1000)]
"""Names of stored rows; at most 1,000 in one request."""

Order = Literal["newest", "oldest"]
"""Which rows come first."""

QUERY = ConfigDict(use_attribute_docstrings=True)
"""For models of a query: FastAPI reads the texts of their fields, not their schema."""


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

    renamed: ClassVar[Mapping[str, str]] = {}
    """Fields by the name that they had before; such a request is refused."""

    @model_validator(mode="before")
    @classmethod
    def _is_text(cls, given: Any) -> Any:
        if not _is_encodable(given):
            raise ValueError("expected text, got half of a surrogate pair")
        for old, new in cls.renamed.items():
            if isinstance(given, dict) and old in given:
                raise ValueError(f"{old} was renamed to {new}")
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
    """A whole list."""

    items: list[Item]


class ListOf(ApiModel, Generic[Item]):
    """A page of a list."""

    items: list[Item]

    next: str | None
    """What to give as `after` to read on, also when `items` is empty, for one request
    looks at a bounded number of rows; null: this was the end."""

    follow: str | None = None
    """What to give as `after`, with `order=oldest`, to read what came since. Of
    `order=newest` only the first page has it; null also: there was nothing yet."""


class PageQuery(ApiModel):
    """Which page of a list to return."""

    model_config = QUERY

    after: str | None = None
    """`next` of the page before, with the same `order`, or `follow` with
    `order=oldest`; none: from the start."""

    order: Order = "newest"
    """Which come first."""

    limit: Annotated[int, Field(ge=1, le=500)] = 50
    """Most items to return."""


def _parts(request: Request) -> ApiContext:
    parts: ApiContext = request.app.state.parts
    return parts


PartsGiven = Annotated[ApiContext, Depends(_parts)]

# The middleware checks the token; this describes it in OpenAPI.
bearer = Security(
    HTTPBearer(auto_error=False, description="The token of `server.token`.")
)

REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "The bearer token is missing or wrong."},
    403: {"model": Problem, "description": "No token is configured, so this is shut."},
    413: {"model": Problem, "description": "The body is too large."},
    415: {"model": Problem, "description": "The body is of another type."},
    422: {"model": Problem, "description": "The request makes no sense."},
    503: {"model": Problem, "description": "Queue or cluster cannot do it now."},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "There is no such thing."}
}
