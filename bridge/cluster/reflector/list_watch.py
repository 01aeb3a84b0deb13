"""List and watch one resource in one scope, as client-go's ListWatch."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal

from bridge.cluster import ObjectMeta, Resource
from bridge.cluster.client import ClusterClient, ListPage
from bridge.cluster.requests import WatchStream
from bridge.errors import ApiStatusError, ExpiredError, FutureVersionError

Readability = Literal["readable", "expired", "future", "unknown"]
"""Whether the state at a version can be listed; unknown: the server cannot do that."""

_CANNOT_LIST_EXACTLY = frozenset({400, 422, 501})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListWatch:
    """Lists and watches a resource in a namespace under selectors."""

    client: ClusterClient
    resource: Resource
    namespace: str | None = None
    field_selector: str = ""
    label_selector: str = ""
    metadata_only: bool = False

    async def newest_version(self) -> str:
        """Return the newest version of the cluster, by a consistent read."""
        # Without selectors: a server looks for a match through everything it has.
        page = await self.client.list_page(
            self.resource, namespace=self.namespace, limit=1
        )
        return page.resource_version

    async def probe(self, version: str) -> Readability:
        """Return whether the state at exactly this version can still be listed."""
        try:
            await self.client.list_page(
                self.resource,
                namespace=self.namespace,
                limit=1,
                resource_version=version,
                match="Exact",
            )
        except ExpiredError:
            return "expired"
        except FutureVersionError:
            return "future"
        except ApiStatusError as error:
            if error.status not in _CANNOT_LIST_EXACTLY:
                raise
            return "unknown"
        return "readable"

    async def page(self, *, version: str | None, continue_token: str) -> ListPage:
        """Return a page of the state at a version; None: at the newest."""
        # A token stands for a version; both together are an error.
        exactly = version if version and not continue_token else ""
        return await self.client.list_page(
            self.resource,
            namespace=self.namespace,
            continue_token=continue_token,
            resource_version=exactly,
            match="Exact" if exactly else "",
            field_selector=self.field_selector,
            label_selector=self.label_selector,
            metadata_only=self.metadata_only,
        )

    async def object_at(self, known: ObjectMeta, *, version: str) -> bytes | None:
        """Return one object as it was at exactly this version; None: it was not there.

        One request of the least kind: etcd is asked for one key.

        Raises:
            ExpiredError: The state is gone, or the server cannot list so.
            FutureVersionError: The cluster has not come to that version.
        """
        selectors = [self.field_selector, f"metadata.name={known.name}"]
        try:
            page = await self.client.list_page(
                self.resource,
                namespace=known.namespace or None,
                limit=1,
                resource_version=version,
                match="Exact",
                field_selector=",".join(one for one in selectors if one),
                label_selector=self.label_selector,
                metadata_only=self.metadata_only,
            )
        except ApiStatusError as error:
            if error.status not in _CANNOT_LIST_EXACTLY:
                raise
            raise ExpiredError(str(error), status=error.status) from error
        return page.items[0] if page.items else None

    def watch(
        self, version: str, *, timeout_seconds: int, initial: bool = False
    ) -> AbstractAsyncContextManager[WatchStream]:
        """Open a watch of what comes after a version.

        Args:
            version: What is known already; empty with `initial`: nothing.
            timeout_seconds: After this the server ends it.
            initial: Whether it first brings what is there.
        """
        return self.client.watch(
            self.resource,
            namespace=self.namespace,
            resource_version=version,
            timeout_seconds=timeout_seconds,
            field_selector=self.field_selector,
            label_selector=self.label_selector,
            metadata_only=self.metadata_only,
            initial=initial,
        )
