"""Where the credentials come from: a service account, or a kubeconfig."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
from kubernetes_asyncio.client import Configuration
from kubernetes_asyncio.config import ConfigException
from kubernetes_asyncio.config.kube_config import KubeConfigLoader

from bridge.cluster.session.access import (
    Access,
    Identity,
    TlsMaterial,
    bearer,
    read_bytes,
)
from bridge.cluster.session.exec_plugin import run_plugin
from bridge.cluster.session.kubeconfig import Selection, select
from bridge.cluster.session.service_account import ServiceAccountSource, is_in_cluster
from bridge.errors import CredentialsError

# What an OIDC or GCP provider of kubernetes_asyncio raises, found by reading it.
_LOADER_ERRORS = (
    aiohttp.ClientError,
    AssertionError,
    ConfigException,
    LookupError,
    OSError,
    TypeError,
    ValueError,
)


class Source(Protocol):
    """Something that knows the credentials, now and later."""

    async def load(self) -> Access:
        """Return them as they are now; raises `CredentialsError`."""
        ...


def find_source(
    *,
    kubeconfig: Path | None,
    context: str | None,
    service_account: Path,
    environ: Mapping[str, str],
) -> Source:
    """Return where the credentials are; see `ClusterClient.open` for the order.

    Raises:
        CredentialsError: There are none in any place.
    """
    if kubeconfig is not None:
        return KubeconfigSource([kubeconfig.expanduser()], context=context)
    if context is None and is_in_cluster(folder=service_account, environ=environ):
        return ServiceAccountSource(folder=service_account, environ=environ)
    paths = _default_paths(environ)
    existing = [path for path in paths if path.exists()]
    if not existing:
        places = ", ".join(map(str, paths))
        raise CredentialsError(
            f"no way into a cluster: not in a pod with a service account in "
            f"{service_account}, and no kubeconfig at {places}"
        )
    return KubeconfigSource(existing, context=context)


class KubeconfigSource:
    """Reads a kubeconfig, runs its plugin, and does so again when asked to."""

    def __init__(self, paths: Sequence[Path], *, context: str | None) -> None:
        """Bind files and context; nothing is read yet."""
        self._paths = paths
        self._context = context
        self._contents: list[bytes] = []
        self._selection: Selection | None = None

    async def load(self) -> Access:
        """Return the credentials as they are now.

        Raises:
            CredentialsError: A file, a name in it or what it refers to is unusable.
        """
        selection = self._select()
        identity = await _identify(selection)
        configuration = await _configure(selection)
        if identity.authorization is not None:
            configuration.api_key["BearerToken"] = identity.authorization
        return Access(
            configuration=configuration,
            tls=_tls(selection, identity),
            renew_after_seconds=identity.renew_after_seconds,
        )

    def _select(self) -> Selection:
        # Unchanged files keep the selection: a refreshed OIDC token lives in it.
        contents = [read_bytes(path, field="kubeconfig") for path in self._paths]
        if self._selection is None or contents != self._contents:
            self._selection = select(self._paths, context=self._context)
            self._contents = contents
        return self._selection


def _default_paths(environ: Mapping[str, str]) -> list[Path]:
    named = environ.get("KUBECONFIG", "").split(os.pathsep)
    home = environ.get("HOME") or str(Path.home())
    return [Path(part) for part in named if part] or [Path(home, ".kube", "config")]


async def _identify(selection: Selection) -> Identity:
    user, entry = selection.user, selection.user_entry
    if user.exec is not None:
        return await run_plugin(user.exec, entry=entry)
    authorization = None
    if user.token_file:  # it wins over the token, as in client-go
        field = entry.source("tokenFile", path=user.token_file)
        token = read_bytes(entry.resolve(user.token_file), field=field)
        authorization = bearer(token, field=field)
    elif user.token:
        authorization = bearer(user.token.encode(), field=entry.field("token"))
    certificate = entry.pem(
        "client-certificate",
        path=user.client_certificate,
        data=user.client_certificate_data,
    )
    key = entry.pem("client-key", path=user.client_key, data=user.client_key_data)
    return Identity(authorization=authorization, certificate=certificate, key=key)


def _tls(selection: Selection, identity: Identity) -> TlsMaterial:
    cluster, entry = selection.cluster, selection.cluster_entry
    user, user_entry = selection.user, selection.user_entry
    path = cluster.certificate_authority
    data = cluster.certificate_authority_data
    return TlsMaterial(
        authority=entry.pem("certificate-authority", path=path, data=data),
        authority_field=entry.source("certificate-authority", path=path),
        certificate=identity.certificate,
        certificate_field=user_entry.source(
            "client-certificate", path=user.client_certificate
        ),
        key=identity.key,
        verify=not cluster.insecure_skip_tls_verify,
    )


async def _configure(selection: Selection) -> Configuration:
    """Let kubernetes_asyncio set address, proxy and what else there is to log in."""
    _check_server(selection)
    configuration = Configuration()
    try:
        loader = KubeConfigLoader(_plain(selection), config_base_path="")
        await loader.load_and_set(configuration)
    except _LOADER_ERRORS as error:
        # Its text may quote the entry, so only the kind of trouble is told.
        field = selection.user_entry.field("auth-provider")
        raise CredentialsError(f"{field}: {type(error).__name__}") from error
    return configuration


def _check_server(selection: Selection) -> None:
    try:
        url = urlsplit(selection.cluster.server)
    except ValueError:
        url = urlsplit("")
    if url.scheme not in {"http", "https"} or not url.hostname or url.username:
        field = selection.cluster_entry.field("server")
        raise CredentialsError(f"{field}: expected an http(s) URL without userinfo")


def _plain(selection: Selection) -> dict[str, Any]:
    """Return a kubeconfig of this selection, less what is handled here.

    kubernetes_asyncio would write inline certificates into temporary files for as
    long as the process lives, and it reads a token file once.
    """
    cluster, user = selection.cluster, selection.user
    settings = {
        "server": cluster.server,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "tls-server-name": cluster.tls_server_name,
        "proxy-url": cluster.proxy_url,
    }
    logins = {
        "username": user.username,
        "password": user.password,
        "auth-provider": user.auth_provider,
    }
    return {
        "current-context": "this",
        "contexts": [{"name": "this", "context": {"cluster": "this", "user": "this"}}],
        "clusters": [{"name": "this", "cluster": _without_none(settings)}],
        "users": [{"name": "this", "user": _without_none(logins)}],
    }


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
