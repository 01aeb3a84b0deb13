"""Every error that crosses a folder's edge.

KubebridgeError
├── ConfigError                 the configuration cannot be used (exit 2)
├── ClusterError                the API server
│   ├── CredentialsError        kubeconfig, CA, token: unreadable or unusable
│   ├── UnreachableError        no answer: refused, reset, timeout, DNS, TLS
│   ├── UnreadableError         an answer that makes no sense
│   └── ApiStatusError          an answer that is not 2xx, or an in-stream ERROR
│       ├── ExpiredError            410: the history before this version is gone
│       ├── FutureVersionError      504: the version is beyond the server's
│       ├── ThrottledError          429, with Retry-After
│       ├── UnauthorizedError       401
│       ├── ForbiddenError          403: names verb, resource and namespace
│       └── NotServedError          404 or 405: no such resource here
├── InvalidEventError           not a CloudEvent, or it cannot be encoded
├── ConversionError             an object that cannot become a CloudEvent
├── FilterError                 a filter that means nothing
├── RequestError                an operator's request makes no sense
│   └── NotFoundError           it names something that does not exist
├── QueueError                  the store
│   ├── StaleCursorError        the cursor moved under the reader
│   ├── QueueFullError          backpressure: nothing was put
│   ├── EntryTooLargeError      one entry can never be stored
│   ├── OutcomeNotRecordedError the volume is full: try the settle again
│   ├── QueueLockedError        another process owns the file (exit 3)
│   ├── QueueCorruptError       the file cannot be trusted (exit 3)
│   └── QueueNewerError         a later program wrote the file (exit 3)
└── SinkError                   one attempt did not succeed
    ├── TemporarySinkError      the sink's fault: try again
    ├── PermanentSinkError      the event's fault: dead letter
    └── SinkPausedError         the operator's fault: keep everything, stop trying
"""

from collections.abc import Sequence
from typing import Literal


class KubebridgeError(Exception):
    """Something that kubebridge can name went wrong."""


class ConfigError(KubebridgeError):
    """The configuration cannot be used; `problems` holds one line for each fault."""

    def __init__(self, problems: Sequence[str]) -> None:
        """Keep the lines; they are printed as they are."""
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class ClusterError(KubebridgeError):
    """The API server, or the way to it, failed."""


class CredentialsError(ClusterError):
    """A kubeconfig, CA, certificate or token cannot be read or used."""


class UnreachableError(ClusterError):
    """The API server gave no complete answer; `phase` says how far it got."""

    def __init__(self, message: str, *, phase: str) -> None:
        """`phase` is one of: dns, connect, tls, answer, stream."""
        super().__init__(message)
        self.phase = phase


class UnreadableError(ClusterError):
    """The API server sends something here that cannot be read, however often asked."""


class ApiStatusError(ClusterError):
    """The API server answered with a Status that is not success."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str = "",
        retry_after_seconds: float | None = None,
    ) -> None:
        """`retry_after_seconds` is what the server asked for; None: nothing."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds


class ExpiredError(ApiStatusError):
    """410: the history before this resourceVersion was compacted away."""


class FutureVersionError(ApiStatusError):
    """504 ResourceVersionTooLarge: the cluster has not come that far."""


class ThrottledError(ApiStatusError):
    """429: wait at least `retry_after_seconds`."""


class UnauthorizedError(ApiStatusError):
    """401: the credentials were not accepted."""


class ForbiddenError(ApiStatusError):
    """403: RBAC refuses; the message names verb, resource and namespace."""


class NotServedError(ApiStatusError):
    """404 or 405: the API server does not serve this resource."""


class InvalidEventError(KubebridgeError, ValueError):
    """The values do not make a valid CloudEvent."""


class ConversionError(KubebridgeError):
    """A Kubernetes object cannot become a CloudEvent."""


class FilterError(KubebridgeError, ValueError):
    """A filter is not one of the dialects, or says nothing; `path` is where."""

    def __init__(self, message: str, *, path: tuple[str | int, ...] = ()) -> None:
        """`path` leads to the faulty part, e.g. ``("all", 1, "exact")``."""
        super().__init__(message)
        self.path = path


class RequestError(KubebridgeError):
    """A request of an operator makes no sense; the text says what was expected."""


class NotFoundError(RequestError):
    """A request names something that does not exist, or is forgotten."""


class TemplateError(KubebridgeError, ValueError):
    """A template cannot be used, or not for this event; `path` is where."""

    def __init__(self, message: str, *, path: tuple[str | int, ...] = ()) -> None:
        """`path` leads to the faulty text, e.g. ``("fields", 0, "value")``."""
        super().__init__(message)
        self.path = path


class QueueError(KubebridgeError):
    """The queue did not do what was asked."""


class StaleCursorError(QueueError):
    """The stored cursor is not the one this reader read from."""


class QueueFullError(QueueError):
    """No room: nothing was put, the cursor stands; `sink` is set if one is full."""

    def __init__(self, message: str, *, sink: str | None = None) -> None:
        """`sink` names the sink whose backlog is full; None: the volume or file."""
        super().__init__(message)
        self.sink = sink


class EntryTooLargeError(QueueError):
    """An entry is larger than the queue can ever hold; `index` says which."""

    def __init__(self, message: str, *, index: int) -> None:
        """`index` is its place among the entries of the put."""
        super().__init__(message)
        self.index = index


class OutcomeNotRecordedError(QueueError):
    """The outcomes are not on disk yet; keep them and settle again."""


class QueueLockedError(QueueError):
    """Another process owns the queue file."""


class QueueCorruptError(QueueError):
    """The queue file is damaged and was left as it is."""


class QueueNewerError(QueueError):
    """The queue file was written by a later version of kubebridge."""


OUR_FAULT = "files"
"""Reason of an attempt that could open nothing here: it says nothing of the sink."""


class SinkError(KubebridgeError):
    """An attempt to deliver did not succeed."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        status: int | None = None,
        duration_seconds: float = 0.0,
        excerpt: bytes = b"",
    ) -> None:
        """Keep the evidence of the attempt.

        Args:
            message: A sentence for people, without secrets.
            reason: One word of a closed set, used as a metric label: ``status``,
                ``dns``, ``refused``, ``reset``, ``tls``, ``timeout-connect``,
                ``timeout-answer``, ``cut-answer``, ``bad-answer``, ``secret``,
                ``token``, ``conflict``, ``batch-size``, ``too-large``, ``denied``,
                ``handshake``, ``stdout``, ``files``, ``bug``.
            status: The HTTP status; None when there was no answer.
            duration_seconds: How long the attempt took.
            excerpt: The first 4 kB of the answer's body.
        """
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.duration_seconds = duration_seconds
        self.excerpt = excerpt


class TemporarySinkError(SinkError):
    """The sink's fault: worth another try later."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        retry_after_seconds: float | None = None,
        scope: Literal["event", "sink"] = "event",
        max_attempts: int | None = None,
        status: int | None = None,
        duration_seconds: float = 0.0,
        excerpt: bytes = b"",
    ) -> None:
        """Say when to come back.

        Args:
            message: See `SinkError`.
            reason: See `SinkError`.
            retry_after_seconds: The least wait the sink asked for; None: nothing.
            scope: ``event``: only this one waits; ``sink``: everything for it does.
            max_attempts: Give up after so many; None: the sink's own policy.
            status: See `SinkError`.
            duration_seconds: See `SinkError`.
            excerpt: See `SinkError`.
        """
        super().__init__(
            message,
            reason=reason,
            status=status,
            duration_seconds=duration_seconds,
            excerpt=excerpt,
        )
        self.retry_after_seconds = retry_after_seconds
        self.scope = scope
        self.max_attempts = max_attempts


class PermanentSinkError(SinkError):
    """The event's fault: this sink will never take it."""


class SinkPausedError(SinkError):
    """The operator's fault: nothing can be delivered until somebody mends it."""

    def __init__(
        self,
        message: str,
        *,
        reason: str,
        until_resumed: bool = False,
        status: int | None = None,
        duration_seconds: float = 0.0,
        excerpt: bytes = b"",
    ) -> None:
        """Say who can end it.

        Args:
            message: See `SinkError`.
            reason: See `SinkError`.
            until_resumed: Nothing more may be sent, not even to see whether it works
                again, until an operator says so.
            status: See `SinkError`.
            duration_seconds: See `SinkError`.
            excerpt: See `SinkError`.
        """
        super().__init__(
            message,
            reason=reason,
            status=status,
            duration_seconds=duration_seconds,
            excerpt=excerpt,
        )
        self.until_resumed = until_resumed


def first_cause(error: BaseException) -> BaseException:
    """Return the first error in a group that is no group itself."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
