"""The process: configuration, signals, event loop, exit code."""

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bridge.app.serve import serve
from bridge.config import Config, load_config
from bridge.errors import (
    ConfigError,
    CredentialsError,
    KubebridgeError,
    QueueCorruptError,
    QueueLockedError,
    QueueNewerError,
    first_cause,
)
from bridge.logs import configure_logs, get_logger

FAILED, UNUSABLE, NO_QUEUE = 1, 2, 3
"""Exit codes: a part failed; configuration or usage; queue locked, corrupt or newer."""

GARBAGE_THRESHOLD = 20_000
"""New container objects between two runs of the collector; Python's own is 700."""


def main(*, config_path: Path | None) -> int:
    """Run until told to stop; return the exit code.

    SIGTERM and SIGINT stop it. SIGHUP reads the configuration again and, if that is
    usable, starts all parts anew under it.

    Args:
        config_path: The configuration; None: from the environment alone (`K_SINK`).
    """
    try:
        while True:
            config = load_config(config_path, os.environ)
            configure_logs(level=config.log.level, format=config.log.format)
            if not _run(config, config_path):
                return 0
    except KubebridgeError as error:
        return _explain(error)
    except BaseExceptionGroup as group:
        cause = first_cause(group)
        if not isinstance(cause, KubebridgeError):
            raise
        return _explain(cause)


def _run(config: Config, config_path: Path | None) -> bool:
    """Run in the fastest loop there is; return whether to start again."""
    _spare_the_collector()
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with suppress(ImportError):
        from uvloop import new_event_loop as factory  # noqa: PLC0415  # an extra
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_serve_until_told(config, config_path))


def _spare_the_collector() -> None:
    """Never look again at what importing made: it stays, and it is most of the heap.

    Events hold no cycles, so the collector finds nothing in them either.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_THRESHOLD)


def _explain(error: KubebridgeError) -> int:
    lines = error.problems if isinstance(error, ConfigError) else (str(error),)
    sys.stderr.writelines(f"kubebridge: {line}\n" for line in lines)
    match error:
        case ConfigError() | CredentialsError():
            return UNUSABLE
        case QueueLockedError() | QueueCorruptError() | QueueNewerError():
            return NO_QUEUE
        case _:
            return FAILED


async def _serve_until_told(config: Config, config_path: Path | None) -> bool:
    stop = asyncio.Event()
    with _signals(stop, config_path) as is_reload:
        await serve(config, stop=stop)
        return is_reload()


@contextmanager
def _signals(
    stop: asyncio.Event, config_path: Path | None
) -> Iterator[Callable[[], bool]]:
    """Set `stop` at a signal; yield what says whether to start again after it."""
    loop = asyncio.get_running_loop()
    reloads: list[Config] = []

    def reload() -> None:
        try:
            reloads.append(load_config(config_path, os.environ))
        except ConfigError as error:
            get_logger().error("New configuration refused.", error=str(error))
        else:
            stop.set()

    handlers: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGTERM: stop.set,
        signal.SIGINT: stop.set,
        signal.SIGHUP: reload,
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield lambda: bool(reloads)
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
