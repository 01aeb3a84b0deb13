"""A life after another: how SIGHUP and SIGTERM change what runs.

::

    SIGHUP ─▶ read ─▶ prepare ─▶ replace the old life ─▶ begin ─▶ "reloaded"
                │        │                                 │
                └────────┴── the old configuration goes on ┘  "refused"

What was checked is what is used: the configuration is read once. SIGTERM wins over
all of it, at any moment.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import bridge
from bridge.api import LazyApi
from bridge.api.server import Address, Endpoints
from bridge.app.serve import Life, PreparedParts
from bridge.app.stores import OpenStores
from bridge.config import Config, find_cautions
from bridge.config.file_limit import (
    attainable_limit,
    most_api_connections,
    raise_limit,
    share_files,
    within,
)
from bridge.errors import KubebridgeError, first_cause
from bridge.journal.journal import Journal
from bridge.logs import configure_logs, get_logger
from bridge.metrics import Metrics
from bridge.sinks.settings import EgressConfig
from bridge.sinks.transports.egress import Egress

MOST_DRAINING = 3
"""Lives that may drain at once; with one more the oldest is cut."""


class Lives:
    """Runs a configuration, and the next one that is usable at each reload."""

    def __init__(self, *, read: Callable[[], Config], path: Path | None) -> None:
        """Run nothing yet.

        Args:
            read: Returns the configuration as it is written now, or raises
                `ConfigError`; called in a thread.
            path: Path of its file; None: it is in the environment.
        """
        self.stop = asyncio.Event()
        """Set to end, at any moment."""

        self.reload = asyncio.Event()
        """Set to read the configuration again."""

        self._read = read
        self._name = "environment" if path is None else str(path.absolute())
        self._stores = OpenStores(owner=self._name)
        self._egress: tuple[EgressConfig, Egress] | None = None
        self._metrics = Metrics(version=bridge.__version__)
        self._endpoints = Endpoints(
            self._metrics, most_connections=most_api_connections(attainable_limit())
        )
        self._alive: list[Life] = []
        self._serving: asyncio.TaskGroup
        self._living: asyncio.TaskGroup

    async def run(self, config: Config) -> None:
        """Run a configuration, and those that follow it, until stopped.

        Raises:
            KubebridgeError: The first one cannot be used, or a part failed later;
                alone or in an ExceptionGroup.
        """
        async with asyncio.TaskGroup() as self._serving:
            async with asyncio.TaskGroup() as self._living:
                following = self._living.create_task(self._follow(config), name="lives")
                await self.stop.wait()
                following.cancel()
                for life in self._alive:
                    life.stop()
            self._endpoints.close()
        get_logger().info("Stopped.")

    async def _follow(self, config: Config) -> None:
        parts = await self._prepare(config, has_time=False)
        life = await self._begin(parts, "Started.", version=bridge.__version__)
        self._note_success()
        while True:
            await self.reload.wait()
            self.reload.clear()
            life = await self._reload(life)

    async def _reload(self, life: Life) -> Life:
        """Return the life that runs from now on: a new one, or the same."""
        try:
            config = await asyncio.to_thread(self._read)
            parts = await self._prepare(config, has_time=True)
        except Exception as error:  # noqa: BLE001  # a reload never ends the process
            self._refuse(error)
            return life
        try:
            return await self._replace(life, parts)
        except Exception as error:  # noqa: BLE001  # nor does one that cannot begin
            self._refuse(error)
        parts = await self._prepare(life.parts.config, has_time=False)
        return await self._begin(parts, "Old configuration goes on.")

    async def _replace(self, old: Life, parts: PreparedParts) -> Life:
        old.replace()
        draining = [one for one in self._alive if one is not old]
        for one in draining[: 1 - MOST_DRAINING]:
            one.cut()
        try:
            await old.has_left.wait()
            if parts.endpoint is None:
                await self._endpoints.release()
                parts.endpoint = self._endpoints.open(_address(parts.config))
        except BaseException:
            await parts.closing.aclose()
            raise
        life = await self._begin(parts, "Configuration reloaded.")
        log = parts.config.log
        configure_logs(level=log.level, format=log.format)
        self._note_success()
        return life

    async def _prepare(self, config: Config, *, has_time: bool) -> PreparedParts:
        """Return the parts of a configuration, ready to run.

        Whatever can fail fails here, before anything that runs is touched.

        Args:
            config: The configuration.
            has_time: Whether another life runs meanwhile; if not, credentials are
                loaded later, so that probes are answered while a plugin runs.

        Raises:
            KubebridgeError: They cannot be built.
        """
        try:
            endpoint = self._endpoints.find(_address(config))
            config = within(config, share_files(config, raise_limit()))
            metrics, queue = self._metrics, config.queue
            async with AsyncExitStack() as stack:
                use = stack.enter_async_context
                using = self._stores.use(queue, metrics=metrics, tasks=self._living)
                store = await use(using)
                journal = await use(
                    Journal.beside(queue.path, settings=config.journal, metrics=metrics)
                )
                reading = store.use_readers(config.cluster, has_time=has_time)
                readers = await use(reading)
                for caution in find_cautions(config):
                    get_logger().warning(
                        "The configuration is not safe.", caution=caution
                    )
                return PreparedParts(
                    config=config,
                    closing=stack.pop_all(),
                    endpoint=endpoint,
                    store=store,
                    readers=readers,
                    journal=journal,
                    egress=self._egress_of(config.egress),
                    metrics=metrics,
                )
        except BaseException:
            self._endpoints.drop_others()
            raise

    def _egress_of(self, config: EgressConfig) -> Egress:
        """Return the egress rules, the same object for the same settings."""
        if self._egress is None or self._egress[0] != config:
            self._egress = config, Egress.of(config)
        return self._egress[1]

    async def _begin(
        self, parts: PreparedParts, message: str, **fields: object
    ) -> Life:
        """Return a life that has begun; raise the error of its start."""
        life = Life(parts, show=partial(self._show, parts))
        self._alive.append(life)
        running = self._living.create_task(
            life.run(message, configuration=self._name, **fields), name="life"
        )
        running.add_done_callback(lambda _: self._alive.remove(life))
        await life.is_settled.wait()
        if life.failure is not None:
            self._endpoints.drop_others()
            raise life.failure
        for line in parts.config.warnings:
            get_logger().warning("A filter never matches.", problem=line)
        return life

    def _show(self, parts: PreparedParts, api: LazyApi) -> None:
        assert parts.endpoint is not None  # noqa: S101  # found or opened before
        parts.endpoint.show(api, self._serving)
        self._endpoints.use(parts.endpoint)

    def _note_success(self) -> None:
        self._metrics.reload_success.set(1)
        self._metrics.last_reload.set(time.time())

    def _refuse(self, error: Exception) -> None:
        self._metrics.reload_success.set(0)
        cause = first_cause(error)
        # The text of an error of another library may hold a secret.
        text = str(cause) if isinstance(cause, KubebridgeError) else repr(type(cause))
        get_logger().error(
            "New configuration refused.",
            configuration=self._name,
            error=text,
            action="the old configuration goes on; mend the file and send SIGHUP",
        )


def _address(config: Config) -> Address:
    return config.server.host, config.server.port
