"""What a field's docstring is."""

from typing import ClassVar

import pytest
from pydantic import BaseModel, Field

from bridge.settings.docstrings import described, field_docstrings


class Base(BaseModel):
    """A base."""

    name: str
    """Of the thing,
    in words."""

    size: int = 1
    """How large."""


class Derived(Base):
    """Says it otherwise."""

    size: int = 2
    """In metres."""

    kind: str = Field(serialization_alias="type", description="Given.")
    """Not used."""

    bare: str = ""
    WORDS: ClassVar[str] = "no field"


def test_docstrings_are_those_below_the_names():
    """Of the class and of its bases; the nearest wins."""
    assert field_docstrings(Derived) == {
        "name": "Of the thing,\nin words.",
        "size": "In metres.",
        "kind": "Not used.",
    }


def test_a_class_without_source_has_none():
    """As in an interpreter, or one that a function made."""
    made = type("Made", (), {"__annotations__": {"name": str}})

    assert field_docstrings(made) == {}


def test_properties_are_described_by_them():
    """Under the name that they have in the document, unless they are already."""
    schema = Derived.model_json_schema(mode="serialization")

    found = described(schema, Derived)["properties"]

    texts = {name: shown.get("description") for name, shown in found.items()}
    assert texts == {
        "name": "Of the thing,\nin words.",
        "size": "In metres.",
        "type": "Given.",
        "bare": None,
    }


@pytest.mark.parametrize("mode", ["validation", "serialization"])
def test_names_may_differ_between_reading_and_writing(mode):
    """A schema shows those of its mode."""

    class Thing(BaseModel):
        size: int = Field(alias="read", serialization_alias="written")
        """How large."""

    schema = described(Thing.model_json_schema(mode=mode), Thing)

    (shown,) = schema["properties"].values()
    assert shown["description"] == "How large."


def test_what_has_no_properties_stays():
    """A schema need not be that of an object."""
    assert described({"type": "string"}, Base) == {"type": "string"}
