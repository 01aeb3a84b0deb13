"""The scalars of YAML 1.2's core schema (10.3.2), each bounded."""

import math
import re
from typing import Final

TAG: Final = "tag:yaml.org,2002:"
"""What the tags of YAML's own schemas begin with."""

_LONGEST_NUMBER: Final = 40
_MOST_DIGITS: Final = 18

_NULL: Final = {"", "~", "null", "Null", "NULL"}
_BOOLS: Final = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_NUMBER_BEGINS: Final = frozenset("-+.0123456789")
_is_int = re.compile("[-+]?[0-9]+").fullmatch
_is_float = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?").fullmatch


class UnusableScalarError(ValueError):
    """A scalar is none of its kind; the message says what was expected."""


def read_scalar(text: str, *, tag: str | None, is_plain: bool) -> object:
    """Return what a scalar says.

    Args:
        text: As it is written.
        tag: The tag before it, in full; None: there is none.
        is_plain: Whether it stands without quotes and is no block.

    Raises:
        UnusableScalarError: It is not what its tag says, too large a number, or has a
            tag of another schema.
    """
    if tag is None:
        return _plain(text) if is_plain else text
    match tag.removeprefix(TAG):
        case "str" | "!":
            return text
        case "null" if text in _NULL:
            return None
        case "bool" if text in _BOOLS:
            return _BOOLS[text]
        case "int" if _is_int(text):
            return _number(text)
        case "float" if _is_float(text):
            return float(_number(text))
        case "null" | "bool" | "int" | "float" as kind:
            raise UnusableScalarError(f"expected a value that is one of '!!{kind}'")
        case other:
            raise UnusableScalarError(f"expected a value without the tag {other!r}")


def _plain(text: str) -> object:
    if text in _NULL:
        return None
    if text[0] in _NUMBER_BEGINS and _is_float(text):
        return _number(text)
    return _BOOLS.get(text, text)


def _number(text: str) -> int | float:
    number: int | float = math.inf
    if len(text) <= _LONGEST_NUMBER:
        number = int(text) if _is_int(text) else float(text)
    if math.isinf(number) or (
        type(number) is int and len(str(abs(number))) > _MOST_DIGITS
    ):
        raise UnusableScalarError(
            f"expected a number of at most {_MOST_DIGITS} digits, or text in quotes, "
            "got a larger one"
        )
    return number
