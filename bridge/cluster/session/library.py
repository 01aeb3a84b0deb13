"""Import the parts of kubernetes_asyncio that the bridge uses, without its models.

The `__init__` modules of kubernetes_asyncio import every model and API of Kubernetes:
850 modules, 40 MB, half a second. The bridge needs two classes. So their modules are
imported while empty packages stand in for the real ones. The result is a copy of the
bridge's own: afterwards `sys.modules` holds nothing of it, and any other import of
kubernetes_asyncio gets all of it. The copy cannot turn answers into models; the bridge
reads them raw. Checked against kubernetes_asyncio 36.1.0.

Only this module imports kubernetes_asyncio. The ordinary import is used when another
module imported kubernetes_asyncio before, or when its layout is not the expected one.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec, module_from_spec

_ROOT = "kubernetes_asyncio"

_PACKAGES = (_ROOT, f"{_ROOT}.client", f"{_ROOT}.client.models")
"""Each after the package that holds it."""


@contextmanager
def _empty_packages() -> Iterator[None]:
    """Let submodules be imported as if the `__init__` of their packages were empty."""
    if _ROOT in sys.modules:
        yield
        return
    try:
        for name in _PACKAGES:
            _stand_in(name)
        yield
    finally:
        for name in [one for one in sys.modules if one.split(".")[0] == _ROOT]:
            del sys.modules[name]


def _stand_in(name: str) -> None:
    spec = find_spec(name)
    if spec is None:
        raise ImportError(name=name)
    package = sys.modules[name] = module_from_spec(spec)  # not executed
    holder, _, own_name = name.rpartition(".")
    if holder:
        setattr(sys.modules[holder], own_name, package)


try:
    with _empty_packages():
        from kubernetes_asyncio.client.api_client import ApiClient
        from kubernetes_asyncio.client.configuration import Configuration
except ImportError:
    from kubernetes_asyncio.client import ApiClient, Configuration

__all__ = ["ApiClient", "Configuration"]
