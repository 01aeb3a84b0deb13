"""The base of all models: frozen, strict about keys, and clear about faults."""

import difflib
from collections.abc import Iterable
from typing import Any, Final, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    ModelWrapValidatorHandler,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import (
    CoreSchema,
    ErrorDetails,
    InitErrorDetails,
    PydanticCustomError,
)

from bridge.settings.docstrings import described

MOST_FOUND: Final = 200
"""How many faults of one kind are looked for: finding them costs time."""

FAULT, MISMATCH = "fault", "mismatch"
"""Types of errors whose message is in our words; a mismatch also shows what was got."""

_LONGEST_WORD, _MOST_COMPARED = 64, 500

_EXPECTED = {
    "bool_type": "expected true or false",
    "dict_type": "expected a mapping",
    "int_type": "expected a whole number",
    "model_type": "expected a mapping",
    "path_type": "expected a path",
    "string_too_short": "expected text that is not empty",
    "string_type": "expected text",
    "tuple_type": "expected a list",
}
_EXPECTED_LIMIT = {
    "greater_than_equal": ("expected at least", "ge"),
    "less_than": ("expected less than", "lt"),
    "less_than_equal": ("expected at most", "le"),
    "literal_error": ("expected", "expected"),
}


def fault(message: str) -> PydanticCustomError:
    """Return an error for a validator to raise; `message` is printed as it is."""
    return PydanticCustomError(FAULT, "{message}", {"message": message})


def mismatch(message: str) -> PydanticCustomError:
    """Return an error to which `, got ...` is added when it is printed."""
    return PydanticCustomError(MISMATCH, "{message}", {"message": message})


def written(value: str | dict[str, Any] | list[Any]) -> Any:
    """Return a default as it would stand in the document; it is read like the rest."""
    return value


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``, did you mean 'x'?``, or empty text when nothing is close.

    It is not looked for in what is too long for a word, nor among thousands.
    """
    words = list(known)
    if len(word) > _LONGEST_WORD or len(words) > _MOST_COMPARED:
        return ""
    close = difflib.get_close_matches(word, words, n=1)
    return f", did you mean '{close[0]}'?" if close else ""


class Model(BaseModel):
    """A mapping in the document, its keys in camelCase.

    The docstrings of the fields go into the JSON Schema.
    """

    model_config = ConfigDict(
        alias_generator=to_camel,
        extra="forbid",
        frozen=True,
        validate_default=True,
    )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the JSON Schema, fields described by their docstrings."""
        schema = handler(core_schema)
        described(handler.resolve_ref_schema(schema), cls)
        return schema

    @model_validator(mode="wrap")
    @classmethod
    def _speak_our_words(
        cls, data: object, handler: ModelWrapValidatorHandler[Self]
    ) -> Self:
        try:
            return handler(data)
        except ValidationError as error:
            found = error.errors(include_url=False)[:MOST_FOUND]
            faults = [cls._in_our_words(one) for one in found]
        raise ValidationError.from_exception_data(cls.__name__, faults)

    @classmethod
    def _in_our_words(cls, error: ErrorDetails) -> InitErrorDetails:
        keys = [one.alias or name for name, one in cls.model_fields.items()]
        words = _words(error, keys)
        return InitErrorDetails(type=words, loc=error["loc"], input=error["input"])


def _words(error: ErrorDetails, keys: list[str]) -> PydanticCustomError:
    kind, message = error["type"], error["msg"]
    if kind == FAULT:
        return fault(message)
    if kind == "extra_forbidden":
        return fault(f"unknown key{_instead(str(error['loc'][-1]), keys)}")
    if kind == "missing":
        return fault("expected a value, got none")
    if kind in _EXPECTED_LIMIT:
        words, limit = _EXPECTED_LIMIT[kind]
        return mismatch(f"{words} {error['ctx'][limit]}")
    return mismatch(_EXPECTED.get(kind, message))


def _instead(key: str, known: list[str]) -> str:
    """Return what to write instead of an unknown key: its new name, or a close one."""
    new = to_camel(key)
    if new != key and new in known:
        return f", was renamed to '{new}'"
    return did_you_mean(key, known)
