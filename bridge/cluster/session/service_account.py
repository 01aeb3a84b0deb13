"""Credentials inside a Pod: what the kubelet mounts and rotates."""

from collections.abc import Mapping
from pathlib import Path

from bridge.cluster.session.credentials import Access, TlsMaterial, bearer, read_bytes
from bridge.cluster.session.library import (
    ConfigException,
    Configuration,
    InClusterConfigLoader,
)
from bridge.cluster.session.way import find_proxy
from bridge.errors import CredentialsError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet puts token and CA."""


class ServiceAccountSource:
    """Reads the service account anew each time: its token lives for about an hour."""

    def __init__(self, *, folder: Path, environ: Mapping[str, str]) -> None:
        """Bind the folder; nothing is read yet.

        Args:
            folder: Holds ``token`` and ``ca.crt``.
            environ: Says where the API server is, and which proxy leads there.
        """
        self._folder = folder
        self._environ = dict(environ)

    async def load(self) -> Access:
        """Return the credentials as they are now.

        Raises:
            CredentialsError: A file or an environment variable is unusable.
        """
        token = read_bytes(self._folder / "token", field="service account token")
        authority = read_bytes(self._folder / "ca.crt", field="service account CA")
        configuration = Configuration()
        try:
            InClusterConfigLoader(
                token_filename=str(self._folder / "token"),
                cert_filename=str(self._folder / "ca.crt"),
                try_refresh_token=False,
                environ=self._environ,
            ).load_and_set(configuration)
        except ConfigException as error:
            raise CredentialsError(
                "service account: expected the environment variables "
                "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT, "
                "got at least one unset or empty"
            ) from error
        # The loader keeps the newline that editors leave, which no header may hold.
        configuration.api_key["BearerToken"] = bearer(
            token.strip(), field="service account token"
        )
        configuration.proxy = find_proxy(str(configuration.host), environ=self._environ)
        configuration.ssl_ca_cert = None
        return Access(
            configuration=configuration,
            tls=TlsMaterial(
                authority=authority,
                authority_field=f"service account CA {self._folder / 'ca.crt'}",
            ),
        )


def is_in_cluster(*, folder: Path, environ: Mapping[str, str]) -> bool:
    """Tell whether this process runs in a Pod with a service account."""
    try:
        with (folder / "token").open("rb"):
            return bool(environ.get("KUBERNETES_SERVICE_HOST"))
    except OSError:
        return False
