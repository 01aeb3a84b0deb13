"""The process: configuration, signals, event loop, exit code."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from bridge.app.lives import Lives
from bridge.config import Config, load_config
from bridge.config.parts import find_unusable
from bridge.errors import (
    ConfigError,
    CredentialsError,
    KubebridgeError,
    QueueCorruptError,
    QueueLockedError,
    QueueNewerError,
    first_cause,
)
from bridge.logs import configure_logs
from bridge.signals import SIGNALS

FAILED, UNUSABLE, NO_QUEUE = 1, 2, 3
"""Exit codes: a part failed; configuration or usage; queue locked, corrupt or newer."""

GARBAGE_THRESHOLD = 20_000
"""New container objects between two runs of the collector; Python's own is 700."""


def main(*, config_path: Path | None) -> int:
    """Run until stopped; return the exit code.

    SIGTERM and SIGINT stop it. SIGHUP reads the configuration again, and changes the
    parts that run if it can be used; else the old one stays in force.

    Args:
        config_path: The configuration; None: from the environment alone (`K_SINK`).
    """
    read = partial(load_config, config_path, os.environ, check=find_unusable)
    try:
        SIGNALS.is_reload_asked = False  # the configuration is read now
        config = read()
        configure_logs(level=config.log.level, format=config.log.format)
        _run(config, read, config_path)
    except KubebridgeError as error:
        return _explain(error)
    except BaseExceptionGroup as group:
        cause = first_cause(group)
        if not isinstance(cause, KubebridgeError):
            raise
        return _explain(cause)
    return 0


def _run(config: Config, read: Callable[[], Config], path: Path | None) -> None:
    """Run in the fastest loop there is."""
    _spare_the_collector()
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop
    with suppress(ImportError):
        from uvloop import new_event_loop as factory  # noqa: PLC0415  # an extra
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(_run_lives(config, read, path))


async def _run_lives(
    config: Config, read: Callable[[], Config], path: Path | None
) -> None:
    lives = Lives(read=read, path=path)
    loop = asyncio.get_running_loop()

    def look() -> None:
        if SIGNALS.is_stop_asked:
            lives.stop.set()
        if SIGNALS.is_reload_asked:
            SIGNALS.is_reload_asked = False
            lives.reload.set()

    with SIGNALS.waking(lambda: loop.call_soon_threadsafe(look)):
        look()  # a signal may have come before the loop ran
        await lives.run(config)


def _spare_the_collector() -> None:
    """Exempt all objects that imports made: they stay, and are most of the heap.

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
