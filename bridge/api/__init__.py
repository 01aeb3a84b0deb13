"""The HTTP face: probes, metrics and the API, on one port.

Probes and metrics are answered at once. All else is answered by the application of
`bridge.api.application`, whose framework, forms and routes take 0.3 s and 11 MB to
import: it is built when the first request needs it. `bridge.api.auth` decides who may
ask for what.
"""

import asyncio
from collections.abc import Callable

from starlette.types import ASGIApp, Receive, Scope, Send

from bridge.api.context import ApiContext
from bridge.api.probes import answer_probe

__all__ = ["LazyApi"]


class LazyApi:
    """The ASGI application of one process."""

    def __init__(
        self,
        context: ApiContext,
        *,
        token: Callable[[], str | None],
        loopback: bool,
        version: str,
    ) -> None:
        """Answer probes and metrics from now on; see `create_api` for the arguments."""
        self._context = context
        self._token = token
        self._loopback = loopback
        self._version = version
        self._building = asyncio.Lock()
        self._application: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        answer: ASGIApp | None = await answer_probe(scope, self._context)
        answer = answer or await self._built()
        await answer(scope, receive, send)

    async def _built(self) -> ASGIApp:
        async with self._building:
            if self._application is None:
                # In a thread: deliveries go on meanwhile.
                self._application = await asyncio.to_thread(self._build)
        return self._application

    def _build(self) -> ASGIApp:
        from bridge.api.application import create_api  # noqa: PLC0415  # see above

        return create_api(
            self._context,
            token=self._token,
            loopback=self._loopback,
            version=self._version,
        )
