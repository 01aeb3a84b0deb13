"""The table: whom a sink meets, and what comes of the attempt.

What the words mean for a delivery, its gate and its counters stands in `world`.
"""

from dataclasses import dataclass
from typing import Literal

from tests.unit.faulttable import peers
from tests.unit.faulttable.peers import Meet, behaving
from tests.unit.sinks.forgeries import ALIKE
from tests.unit.sinks.receiver import answer, close, drip, late, reset, send
from tests.unit.sinks.toxics import CONTINUE, FLOODS, LARGE, TOXICS

Fate = Literal["delivered", "waits", "conflicts", "rests", "dies", "pauses", "stops"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row.

    Attributes:
        meets: Whom.
        fate: ``delivered``; ``waits``: tried again, and the breaker counts it;
            ``conflicts``: tried again, and the breaker does not; ``rests``: everything
            for the sink waits, not before it said; ``dies``: a dead letter; ``pauses``:
            kept until somebody mends something; ``stops``: until somebody says so.
        counted: As what attempts are counted.
        says: What the log says of it.
        rest: Seconds that the sink asked for; 0: nothing of use.
        data: Of the events.
        seconds: The sink's timeout.
        is_known: An event was delivered before, over a connection that is kept.
    """

    meets: Meet
    fate: Fate
    counted: str
    says: str = ""
    rest: float = 0.0
    data: bytes = b'{"a":1}'
    seconds: float = 5.0
    is_known: bool = False


def _status(status: int, fate: Fate, rest: float = 0.0, **headers: str) -> Row:
    body = b"" if status in (204, 304) else b"why"
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    return Row(
        meets=behaving(answer(status, body, {"Location": "/elsewhere", **fields})),
        fate=fate,
        counted=f"{status // 100}xx",
        says="" if fate == "delivered" else f"sink hook answered {status}",
        rest=rest,
    )


def _statuses(fate: Fate, *statuses: int) -> dict[str, Row]:
    return {str(status): _status(status, fate) for status in statuses}


def _at_a_time(seconds: int) -> Row:
    return Row(
        meets=behaving(peers.resting(503, seconds)),
        fate="rests",
        counted="5xx",
        says="sink hook answered 503",
        rest=max(0, seconds),
    )


STATUSES = {
    **_statuses("delivered", 200, 201, 202, 203, 204, 205, 206, 226),
    **_statuses("pauses", 300, 301, 302, 303, 304, 307, 308),
    **_statuses("dies", 400, 402, 406, 413, 418, 422, 451),
    **_statuses("pauses", 401, 403, 405, 407, 415, 501, 505),
    **_statuses("stops", 410),
    **_statuses("waits", 404, 408, 421, 425),
    **_statuses("waits", 500, 502, 504, 507, 599, 600, 999),
    **_statuses("rests", 429, 503),
    **_statuses("conflicts", 409),
    "429, come back in 7 s": _status(429, "rests", 7, Retry_After="7"),
    "503, come back in 7 s": _status(503, "rests", 7, Retry_After="7"),
    "503, come back at a time": _at_a_time(90),
    "503, come back tomorrow": _status(503, "rests", 3600, Retry_After="86400"),
    "503, come back yesterday": _at_a_time(-86400),
    "503, come back whenever": _status(503, "rests", Retry_After="-1"),
    "500, come back in 7 s": _status(500, "waits", Retry_After="7"),
}

_NO_ANSWER = {
    "reset": "connection lost before the answer; the event may have been read",
    "timeout-answer": "no complete answer within 0.5 s",
    "cut-answer": "answer cut short within its",
    "bad-answer": "not HTTP",
}

TOXIC = {
    name: Row(
        meets=behaving(toxic.behaviour, at=toxic.at),
        fate="waits",
        counted=toxic.reason,
        says=_NO_ANSWER[toxic.reason],
        data=LARGE if toxic.data == LARGE else b"1",
        seconds=0.5 if toxic.reason == "timeout-answer" else 5.0,
    )
    for name, toxic in TOXICS.items()
}

RACES = {
    f"keep-alive race, {cut.__name__}": Row(
        meets=behaving(answer(), cut),
        fate="waits",
        counted="reset",
        says=_NO_ANSWER["reset"],
        is_known=True,
    )
    for cut in (reset, close)
}

ODD = {
    "latency": Row(meets=behaving(late), fate="delivered", counted="2xx"),
    "100, then an answer": Row(
        meets=behaving(send(CONTINUE * 3 + b"HTTP/1.1 204 X\r\n\r\n")),
        fate="delivered",
        counted="2xx",
    ),
    **{
        f"10 GB, {form}": Row(
            meets=behaving(drip(start, more, seconds=0)),
            fate="delivered",
            counted="2xx",
        )
        for form, (start, more) in FLOODS.items()
    },
}

FORGED = {
    name: Row(
        meets=behaving(send(data)),
        fate="waits" if expected == "bad-answer" else "delivered",
        counted="bad-answer" if expected == "bad-answer" else "2xx",
        says="" if expected != "bad-answer" else "not HTTP",
    )
    for name, (data, expected) in ALIKE.items()
}

UNREACHED = {
    "no such name": Row(
        meets=peers.nowhere,
        fate="waits",
        counted="dns",
        says="cannot resolve nowhere.invalid",
    ),
    "nobody listens": Row(
        meets=peers.nobody, fate="waits", counted="refused", says="cannot connect to"
    ),
    "nobody accepts": Row(
        meets=peers.deaf,
        fate="waits",
        counted="timeout-connect",
        says="no connection to",
    ),
    "certificate expired": Row(
        meets=peers.expired,
        fate="pauses",
        counted="tls",
        says="certificate refused: certificate has expired",
    ),
    "certificate of another machine": Row(
        meets=peers.elsewhere,
        fate="pauses",
        counted="tls",
        says="certificate refused: IP address mismatch",
    ),
    "certificate of an unknown authority": Row(
        meets=peers.unknown_authority,
        fate="pauses",
        counted="tls",
        says="certificate refused: unable to get local issuer certificate",
    ),
    "our certificate is missing": Row(
        meets=peers.stranger,
        fate="pauses",
        counted="tls",
        says="certificate required",
    ),
    "no TLS where there should be": Row(
        meets=peers.plain_where_tls_is_expected,
        fate="pauses",
        counted="tls",
        says="failed: ",
    ),
    "our file is missing": Row(
        meets=peers.no_secret, fate="pauses", counted="tls", says="absent.pem"
    ),
    "metadata of a cloud": Row(
        meets=peers.metadata,
        fate="pauses",
        counted="denied",
        says="169.254.169.254, which is denied (link-local)",
    ),
    "name with a denied address": Row(
        meets=peers.denied_name,
        fate="pauses",
        counted="denied",
        says="sink hook: localhost leads to",
    ),
}

TABLE = {**STATUSES, **TOXIC, **RACES, **ODD, **FORGED, **UNREACHED}
