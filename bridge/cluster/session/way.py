"""The way to an API server: directly, or by which proxy."""

from collections.abc import Mapping

from yarl import URL

from bridge.errors import ConfigError, CredentialsError
from bridge.net.proxies import parse_proxy, proxy_of_environment


def find_proxy(
    server: str,
    *,
    environ: Mapping[str, str],
    named: str | None = None,
    field: str = "proxy-url",
) -> str | None:
    """Return the URL of the proxy that leads to an API server; None: none does.

    Args:
        server: URL of the API server.
        environ: Where HTTPS_PROXY, HTTP_PROXY and NO_PROXY are looked up.
        named: What the kubeconfig says, which NO_PROXY does not change; None: nothing.
        field: What errors call that.

    Raises:
        CredentialsError: It is not an HTTP proxy; names the key or the variable.
    """
    try:
        if named:
            return str(parse_proxy(named, name=field))
        found = proxy_of_environment(URL(server), environ)
    except ConfigError as error:
        raise CredentialsError(str(error)) from error
    return None if found is None else str(found)
