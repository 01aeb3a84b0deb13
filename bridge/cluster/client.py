"""The API server, over kubernetes_asyncio's configuration, auth and transport."""

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bridge.cluster import BATCH_LIMIT, Resource

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts token and CA."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One page of a list.

    Attributes:
        items: Objects as raw JSON, in the order of their names.
        resource_version: Version of the whole list.
        continue_token: Asks for the next page; empty: this is the last one.
    """

    items: list[bytes]
    resource_version: str
    continue_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterUid:
    """What tells one cluster from another.

    Attributes:
        uid: The uid of namespace kube-system, or a hash of CA and server URL.
        derived: True if it is the hash, because reading the namespace is refused:
            it changes with the CA, which deserves a warning.
    """

    uid: str
    derived: bool


class WatchStream:
    """One open watch; use it as `async with client.watch(...) as stream`."""

    async def read(self) -> list[bytes]:
        """Return the complete lines that have come; empty: the server ended it.

        Cancelling it loses nothing: the next call goes on where this one was.

        Raises:
            UnreachableError: The connection broke, or a line exceeds 16 MiB.
        """
        raise NotImplementedError


class ClusterClient:
    """Reads from one cluster; safe to share between watches."""

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        kubeconfig: Path | None = None,
        context: str | None = None,
        service_account: Path = SERVICE_ACCOUNT,
        environ: Mapping[str, str] = os.environ,
    ) -> AsyncIterator[Self]:
        """Load the credentials and close every connection at the end.

        Nothing is sent yet. Credentials are renewed by themselves, as in-cluster
        tokens rotate, as exec plugins say, and once at each 401.

        Args:
            kubeconfig: File to use. None: in-cluster when ``KUBERNETES_SERVICE_HOST``
                is set and the service account is readable, then ``KUBECONFIG``, then
                ``~/.kube/config``.
            context: Context in the kubeconfig; None: its current one.
            service_account: Folder with ``token`` and ``ca.crt``.
            environ: Environment to look in.

        Raises:
            CredentialsError: They cannot be read or used; the message names file and
                field, never a secret.
        """
        raise NotImplementedError
        yield cls()

    @property
    def server(self) -> str:
        """URL of the API server, without userinfo."""
        raise NotImplementedError

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> bytes:
        """Return the JSON body at a path, e.g. ``/version``.

        Raises:
            UnreachableError: No complete JSON answer within 30 s.
            ApiStatusError: The answer is not 2xx; see its subclasses.
            CredentialsError: After a 401 the credentials could not be read again.
        """
        raise NotImplementedError

    async def list_page(
        self,
        resource: Resource,
        *,
        namespace: str | None = None,
        limit: int = BATCH_LIMIT,
        continue_token: str = "",
        resource_version: str = "",
        match: str = "",
        field_selector: str = "",
        label_selector: str = "",
    ) -> Page:
        """Return one page of a list; raises as `get` does.

        Args:
            resource: What to list.
            namespace: Where; None: everywhere.
            limit: Most items in it.
            continue_token: From the page before; excludes a version.
            resource_version: Empty: the newest state, by a consistent read.
            match: ``Exact`` or ``NotOlderThan``; empty with an empty version.
            field_selector: As the API server understands it; empty: all.
            label_selector: As the API server understands it; empty: all.

        Raises:
            ExpiredError: That version, or the token's, was compacted away.
            FutureVersionError: The cluster has not come to that version.
        """
        raise NotImplementedError

    def watch(
        self,
        resource: Resource,
        *,
        resource_version: str,
        timeout_seconds: int,
        namespace: str | None = None,
        field_selector: str = "",
        label_selector: str = "",
    ) -> AbstractAsyncContextManager[WatchStream]:
        """Open a watch of what comes after a version; raises as `get` does.

        There is no deadline but for the connection itself: some proxies hold the
        headers back until the first line. The caller keeps one.

        Args:
            resource: What to watch.
            resource_version: The last version already known.
            timeout_seconds: After this the server ends the watch.
            namespace: Where; None: everywhere.
            field_selector: As the API server understands it; empty: all.
            label_selector: As the API server understands it; empty: all.
        """
        raise NotImplementedError

    async def cluster_uid(self) -> ClusterUid:
        """Return the uid of namespace kube-system, or a hash where RBAC refuses it."""
        raise NotImplementedError

    async def server_version(self) -> str:
        """Return the version the server reports, e.g. ``v1.36.1``."""
        raise NotImplementedError
