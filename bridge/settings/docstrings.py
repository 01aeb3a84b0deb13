"""Docstrings of fields, read from the source of a class when somebody asks for them.

pydantic's own `use_attribute_docstrings` reads the source of each model when its class
is made: a third of a second at the start of a process that never shows a schema.
"""

import ast
import inspect
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel


def field_docstrings(cls: type) -> dict[str, str]:
    """Return the docstring below each annotated name of a class and its bases.

    Classes without source have none.
    """
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        found |= _own_docstrings(base)
    return found


def _own_docstrings(cls: type) -> dict[str, str]:
    if not inspect.get_annotations(cls):
        return {}
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return {}
    body = ast.parse(source).body[0]
    assert isinstance(body, ast.ClassDef)  # noqa: S101
    return {
        field.target.id: inspect.cleandoc(text.value.value)
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }


def described(schema: dict[str, Any], cls: type[BaseModel]) -> dict[str, Any]:
    """Return an object's JSON Schema, each property with its field's docstring.

    A description that is there stays.
    """
    texts = field_docstrings(cls)
    properties = schema.get("properties", {})
    for name, field in cls.model_fields.items():
        # A schema has the names of what is read, or of what is written.
        for key in (name, field.alias, field.serialization_alias):
            if key in properties and name in texts:
                properties[key].setdefault("description", texts[name])
    return schema
