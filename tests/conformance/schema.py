"""What the JSON format asks of an event, as a JSON schema in words of our own.

The specification publishes one (`formats/cloudevents.json`), which leaves out much; a
schema is a second opinion from a validator that somebody else wrote.
"""

from jsonschema import Draft202012Validator

_SOME_TEXT = {"type": "string", "minLength": 1}
_OPTIONAL_TEXT = {"type": ["string", "null"], "minLength": 1}
_TIME = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-][012]\d:[0-5]\d)$"

SCHEMA = {
    "type": "object",
    "required": ["id", "source", "specversion", "type"],
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _SOME_TEXT,
        "source": _SOME_TEXT,
        "type": _SOME_TEXT,
        "subject": _OPTIONAL_TEXT,
        "dataschema": _OPTIONAL_TEXT | {"pattern": "^[A-Za-z][A-Za-z0-9+.-]*:"},
        "datacontenttype": _OPTIONAL_TEXT | {"pattern": "^[^/ ]+/[^/ ]+( *;.*)?$"},
        "time": _OPTIONAL_TEXT | {"pattern": _TIME},
        "data": True,
        "data_base64": {"type": ["string", "null"], "contentEncoding": "base64"},
    },
    "propertyNames": {
        "anyOf": [{"pattern": "^[a-z0-9]+$"}, {"const": "data_base64"}],
    },
    "additionalProperties": {
        "type": ["string", "boolean", "integer", "null"],
        "minimum": -(2**31),
        "maximum": 2**31 - 1,
    },
    "not": {"required": ["data", "data_base64"]},
}

validator = Draft202012Validator(SCHEMA)
