"""Keep the session with an API server usable while credentials rotate."""

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Self

import bridge
from bridge.cluster.session.credentials import Access
from bridge.cluster.session.library import ApiClient
from bridge.cluster.session.sockets import open_session
from bridge.cluster.session.sources import CredentialSource
from bridge.errors import CredentialsError
from bridge.logs import RepeatedFailure, get_logger

_RETRY_SECONDS = 10.0

_RENEWAL_WAIT_SECONDS = 5.0
"""So long a request waits for new credentials while the old ones may still be good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session and the credentials it uses."""

    api: ApiClient
    access: Access


class ApiSession:
    """Gives out the one session; replaces it when trust or identity changed."""

    def __init__(self, source: CredentialSource, session: Session) -> None:
        """Use `open`."""
        self._source = source
        self._session = session
        self._retired: ApiClient | None = None
        self._lock = asyncio.Lock()
        self._background = AsyncExitStack()
        self._tasks = asyncio.TaskGroup()
        self._renewal: asyncio.Task[None] | None = None
        self._failures = RepeatedFailure(
            get_logger(server=self.server), "Credentials are not renewed."
        )
        self._renew_in(session.access.renew_after_seconds)

    @classmethod
    async def open(cls, source: CredentialSource) -> Self:
        """Load the credentials.

        Raises:
            CredentialsError: They cannot be read or used.
        """
        access = await source.load()
        opened = cls(source, Session(api=await _open_api(access), access=access))
        # Not `async with`: what fails in the caller is to stay what it is, not a group.
        await opened._background.enter_async_context(opened._tasks)
        return opened

    @property
    def server(self) -> str:
        """Return the URL of the API server."""
        return str(self._session.api.configuration.host)

    @property
    def authority(self) -> bytes:
        """Return the CA bundle as PEM; empty: the system's."""
        return self._session.access.tls.authority or b""

    async def session(self) -> Session:
        """Return the session, its credentials loaded again if that is due.

        While they cannot be loaded, by others while they are being loaded, and when
        that takes longer than five seconds, the old ones are used: they may still be
        good.
        """
        is_due = self._due <= asyncio.get_running_loop().time()
        if is_due and not self._lock.locked():
            self._renew_in(_RETRY_SECONDS)
            self._renewal = self._tasks.create_task(
                self._renew(self._session), name="renew credentials"
            )
            await asyncio.wait({self._renewal}, timeout=_RENEWAL_WAIT_SECONDS)
        return self._session

    async def _renew(self, stale: Session) -> None:
        try:
            await self.renewed(stale)
        except CredentialsError as error:
            self._renew_in(_RETRY_SECONDS)
            self._failures.failed(str(error))

    async def renewed(self, stale: Session) -> Session:
        """Return a session whose credentials are younger than those of `stale`.

        Raises:
            CredentialsError: They cannot be read or used.
        """
        async with self._lock:
            if self._session is stale:
                self._session = await self._replace(await self._source.load())
                self._renew_in(self._session.access.renew_after_seconds)
                self._failures.recovered("Credentials are renewed again.")
            return self._session

    async def take_over(self, other: Self) -> bool:
        """Use the credentials of `other`; return False if its transport is another."""
        async with self._lock:
            access = other._session.access
            if _transport_of(access) != _transport_of(self._session.access):
                return False
            self._source = other._source
            self._session = await self._replace(access)
            self._renew_in(access.renew_after_seconds)
            return True

    async def aclose(self) -> None:
        """Cancel a renewal under way, and close every connection."""
        if self._renewal is not None:
            self._renewal.cancel()
        await self._background.aclose()
        await self._session.api.close()
        await self._close_retired()

    def _renew_in(self, seconds: float) -> None:
        self._due = asyncio.get_running_loop().time() + seconds

    async def _replace(self, access: Access) -> Session:
        if _transport_of(access) == _transport_of(self._session.access):
            self._session.api.configuration = access.configuration
            return Session(api=self._session.api, access=access)
        api = await _open_api(access)
        # Watches may still run on the session that is replaced now: it is closed at
        # the next change. No watch lives longer than ten minutes.
        await self._close_retired()
        self._retired = self._session.api
        return Session(api=api, access=access)

    async def _close_retired(self) -> None:
        if self._retired is not None:
            await self._retired.close()


def _transport_of(access: Access) -> tuple[object, ...]:
    configuration = access.configuration
    return (
        access.tls,
        access.impersonation,
        configuration.host,
        configuration.proxy,
        configuration.tls_server_name,
    )


async def _open_api(access: Access) -> ApiClient:
    """Return kubernetes_asyncio's client on our own sockets and trust."""
    context = access.tls.context()
    api = ApiClient(access.configuration)
    api.user_agent = f"kubebridge/{bridge.__version__}"
    await api.rest_client.pool_manager.close()
    api.rest_client.pool_manager = open_session(context, headers=access.impersonation)
    return api
