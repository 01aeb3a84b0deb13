"""The 43 rules that the format tests of CloudEvents exercise, in cases of our own.

The originals are in `cloudevents/conformance`, branch format-tests, `format/json`; a
case here has its rule from there and everything else from us.
"""

from datetime import UTC, datetime
from typing import Any

Members = dict[str, Any]

LEAST = {
    "specversion": "1.0",
    "id": "6f1b-42",
    "source": "kubernetes://prod",
    "type": "io.kubebridge.event.warning.v1",
}
CORE = LEAST | {
    "datacontenttype": "text/plain",
    "dataschema": "https://example.com/event.json",
    "subject": "shop/Pod/web-0",
    "time": "2026-11-21T05:50:00Z",
}
TYPES = LEAST | {
    "count": -7,
    "listed": False,
    "reason": "BackOff",
    "docs": "https://example.com/docs",
    "next": "../web-1",
    "recordedtime": "2026-11-21T05:50:01.5Z",
    "digest": "AAEC/w==",
}
INSTANT = datetime(2026, 11, 21, 5, 50, tzinfo=UTC)
TIMED = LEAST | {"time": INSTANT}


def without(name: str) -> Members:
    """Return the least event less one attribute."""
    return {key: value for key, value in LEAST.items() if key != name}


VALID: dict[str, tuple[Members, Members]] = {
    "the least": (LEAST, LEAST),
    "optional attributes are null": (
        LEAST | dict.fromkeys(["datacontenttype", "dataschema", "subject", "time"]),
        LEAST,
    ),
    "every core attribute": (CORE, CORE | {"time": INSTANT}),
    "time in UTC": (LEAST | {"time": "2026-11-21T05:50:00Z"}, TIMED),
    "time to nanoseconds": (LEAST | {"time": "2026-11-21T05:50:00.000000000Z"}, TIMED),
    "time east of UTC": (LEAST | {"time": "2026-11-21T11:20:00+05:30"}, TIMED),
    "time west of UTC": (LEAST | {"time": "2026-11-20T22:50:00-07:00"}, TIMED),
    "relative source": (LEAST | {"source": "#prod"}, LEAST | {"source": "#prod"}),
    "text as data": (
        LEAST | {"datacontenttype": "text/plain", "data": "Back-off"},
        LEAST | {"datacontenttype": "text/plain", "data": "Back-off"},
    ),
    "extensions of every type": (TYPES, TYPES),
}
"""Name → (members, what they mean)."""

INVALID: dict[str, Members] = {
    "no specversion": without("specversion"),
    "no id": without("id"),
    "no type": without("type"),
    "no source": without("source"),
    "time is a word": LEAST | {"time": "yesterday"},
    "time without seconds": LEAST | {"time": "2026-11-21T05:50Z"},
    "time with a letter for a zone": LEAST | {"time": "2026-11-21T05:50:00Q"},
    "time with a zone beyond a day": LEAST | {"time": "2026-11-21T05:50:00+31:00"},
    "time with letters in its zone": LEAST | {"time": "2026-11-21T05:50:00-ab:00"},
    "time with half a zone": LEAST | {"time": "2026-11-21T05:50:00-07"},
    "empty id": LEAST | {"id": ""},
    "empty type": LEAST | {"type": ""},
    "empty source": LEAST | {"source": ""},
    "empty specversion": LEAST | {"specversion": ""},
    "specversion that there never was": LEAST | {"specversion": "0.7"},
    "datacontenttype that is no media type": LEAST | {"datacontenttype": "json"},
    "empty datacontenttype": LEAST | {"datacontenttype": ""},
    "empty dataschema": LEAST | {"dataschema": ""},
    "empty subject": LEAST | {"subject": ""},
    "id is a number": LEAST | {"id": 42},
    "id is an object": LEAST | {"id": {"uid": "6f1b"}},
    "capital in a name": LEAST | {"Reason": "BackOff"},
    "punctuation in a name": LEAST | {"re.ason": "BackOff"},
    "extension is a fraction": LEAST | {"re.ason": 0.25},
    "data twice": LEAST | {"data": "a", "data_base64": "YQ=="},
}

VALID_BATCHES: dict[str, tuple[list[Members], list[Members]]] = {
    "of nothing": ([], []),
    "of one": ([LEAST], [LEAST]),
    "of the same twice": ([LEAST, LEAST], [LEAST, LEAST]),
    "of little and much": ([LEAST, CORE], [LEAST, CORE | {"time": INSTANT}]),
    "of all types": ([LEAST, TYPES], [LEAST, TYPES]),
}

INVALID_BATCHES: dict[str, list[Any]] = {
    "two specversions": [LEAST, LEAST | {"specversion": "0.7"}],
    "one is no event": [without("id")],
    "one is no object": ["an event", LEAST],
}

BEYOND: dict[str, bytes] = {
    "not JSON": b'{"id"',
    "not UTF-8": b'{"id":"\xff"}',
    "not an object": b"[]",
}
"""What breaks rules that the format tests leave out, as text."""

BEYOND_MEMBERS: dict[str, Members] = {
    "integer of 33 bits": LEAST | {"count": 2**31},
    "fraction under a good name": LEAST | {"count": 1.5},
    "list as a value": LEAST | {"count": [1]},
    "no name": LEAST | {"": "x"},
    "underscore in a name": LEAST | {"re_ason": "x"},
    "letter that is no ASCII in a name": LEAST | {"gr\u00f6sse": "x"},
    "control character": LEAST | {"subject": "a\nb"},
    "control character of Latin-1": LEAST | {"reason": "a\x85b"},
    "noncharacter": LEAST | {"reason": "\ufdd0"},
    "last of a plane": LEAST | {"reason": "\U0001ffff"},
    "relative dataschema": LEAST | {"dataschema": "/event.json"},
    "blank in source": LEAST | {"source": "my cluster"},
    "source is a colon": LEAST | {"source": ":"},
    "day that there is not": LEAST | {"time": "2026-02-30T00:00:00Z"},
    "hour 24": LEAST | {"time": "2026-02-03T24:00:00Z"},
    "time without a zone": LEAST | {"time": "2026-02-03T00:00:00"},
    "base64 that is none": LEAST | {"data_base64": "?"},
    "object under text": LEAST | {"datacontenttype": "text/plain", "data": {}},
}
"""The same, as members."""
