"""Credentials from a program (client authentication, ExecCredential)."""

import asyncio
from datetime import UTC, datetime

import msgspec
from kubernetes_asyncio.config import ConfigException
from kubernetes_asyncio.config.exec_provider import ExecProvider
from kubernetes_asyncio.config.kube_config import ConfigNode

from bridge.cluster.access import Identity
from bridge.cluster.kubeconfig import Entry, Exec
from bridge.errors import CredentialsError

PLUGIN_SECONDS = 60.0
"""A plugin that asks a cloud takes a second; one that asks a person never ends."""

_LEEWAY_SECONDS = 300.0
_TEXT_LIMIT = 256


class _StatusForm(msgspec.Struct, rename="camel"):
    """`status` of an ExecCredential."""

    token: str | None = None
    client_certificate_data: str | None = None
    client_key_data: str | None = None
    expiration_timestamp: datetime | None = None


async def run_plugin(config: Exec, *, entry: Entry) -> Identity:
    """Run an exec plugin.

    Args:
        config: What to run.
        entry: The user it stands in.

    Raises:
        CredentialsError: It cannot be run, fails, takes longer than a minute or
            prints something else. What it wrote to stderr is quoted in part.
    """
    name = entry.field("exec")
    config = msgspec.structs.replace(config, command=_command(config.command, entry))
    try:
        async with asyncio.timeout(PLUGIN_SECONDS):
            node = ConfigNode(name, msgspec.to_builtins(config))
            status = await ExecProvider(node).run()
        return _answer(msgspec.convert(status, _StatusForm), name=name)
    except TimeoutError as error:
        raise CredentialsError(
            f"{name}: {config.command} gave no answer within {PLUGIN_SECONDS:.0f} s"
        ) from error
    except (ConfigException, OSError, TypeError, msgspec.ValidationError) as error:
        text = str(error)[:_TEXT_LIMIT]
        raise CredentialsError(f"{name}: {config.command}: {text}") from error


def _command(command: str, entry: Entry) -> str:
    # As kubectl: a path is relative to the kubeconfig, a bare name is looked up.
    return str(entry.resolve(command)) if "/" in command else command


def _answer(form: _StatusForm, *, name: str) -> Identity:
    if not form.token and not (form.client_certificate_data and form.client_key_data):
        raise CredentialsError(
            f"{name}: expected the plugin to print a token, or a certificate and key"
        )
    return Identity(
        token=_bytes(form.token),
        certificate=_bytes(form.client_certificate_data),
        key=_bytes(form.client_key_data),
        renew_after_seconds=_renew_after_seconds(form.expiration_timestamp),
    )


def _bytes(text: str | None) -> bytes | None:
    return text.encode() if text else None


def _renew_after_seconds(expires: datetime | None) -> float:
    if expires is None:
        return float("inf")
    left = (expires - datetime.now(UTC)).total_seconds()
    # Half its life for one that lives shorter than the leeway.
    return max(left - _LEEWAY_SECONDS, left / 2, 1.0)
