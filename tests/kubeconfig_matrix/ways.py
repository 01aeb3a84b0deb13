"""The way there: proxies of the kubeconfig and of the environment."""

from tests.kubeconfig_matrix.case import (
    NOTHING,
    TOKEN,
    Refused,
    Seen,
    Unreachable,
    case,
    config,
)

INSECURE = {"insecure-skip-tls-verify": True}
AWAY = "https://cluster.invalid:6443"
# Leads to this machine, but is no loopback address to any of the rules.
HERE = "https://0.0.0.0:PORT"


def through(place: str, **changes) -> Seen:
    """What is seen of a request that came by CONNECT."""
    return Seen(authorization="Bearer t", via=f"CONNECT {place}", **changes)


def to(server: str, **cluster) -> str:
    """A kubeconfig for a server whose certificate does not matter."""
    keys = {key.replace("_", "-"): value for key, value in cluster.items()}
    return config(server=server, cluster=keys, trust=INSECURE)


NAMED = through("cluster.invalid:6443", server_name="cluster.invalid")
PROXIED = through("0.0.0.0:PORT")
PROXY = {"HTTPS_PROXY": "http://127.0.0.1:PORT"}

CASES = [
    case("a proxy", NAMED, to(AWAY, proxy_url="HTTP://")),
    case(
        "a proxy with a password",
        through(
            "cluster.invalid:6443",
            server_name="cluster.invalid",
            proxy_authorization="Basic dTpw",
        ),
        to(AWAY, proxy_url="http://u:p@127.0.0.1:PORT"),
    ),
    case(
        "a proxy to another name",
        through("cluster.invalid:6443", server_name="elsewhere.invalid"),
        config(
            server=AWAY,
            cluster={"proxy-url": "HTTP://", "tls-server-name": "elsewhere.invalid"},
        ),
    ),
    case(
        "a proxy to plain HTTP",
        Seen(is_secure=False, via="GET cluster.invalid:8080"),
        config(
            server="http://cluster.invalid:8080",
            cluster={"proxy-url": "HTTP://"},
            trust={},
        ),
    ),
    case(
        "a SOCKS proxy",
        Refused(key="clusters[c].proxy-url"),
        to(AWAY, proxy_url="socks5://127.0.0.1:PORT"),
    ),
    case(
        "a SOCKS proxy with a password",
        Refused(key="clusters[c].proxy-url"),
        to("HTTPS://", proxy_url="socks5h://u:p@127.0.0.1:PORT"),
    ),
    case(
        "a proxy of no kind",
        Refused(key="clusters[c].proxy-url"),
        to(AWAY, proxy_url="ftp://127.0.0.1:PORT"),
    ),
    case(
        "a proxy that is no URL",
        Refused(key="clusters[c].proxy-url"),
        to(AWAY, proxy_url="http://["),
    ),
    case("the environment's proxy", PROXIED, to(HERE), environ=PROXY),
    case(
        "the environment's proxy in lower case",
        NAMED,
        to(AWAY),
        environ={"https_proxy": "http://127.0.0.1:PORT"},
    ),
    case(
        "the environment's proxy in both cases",
        PROXIED,
        to(HERE),
        environ=PROXY | {"https_proxy": "http://127.0.0.1:1"},
    ),
    case(
        "the environment's proxy without a scheme",
        PROXIED,
        to(HERE),
        environ={"HTTPS_PROXY": "127.0.0.1:PORT"},
    ),
    case(
        "the environment's SOCKS proxy",
        Refused(key="HTTPS_PROXY"),
        to(AWAY),
        environ={"HTTPS_PROXY": "socks5://127.0.0.1:PORT"},
    ),
    case(
        "the environment's proxy for plain HTTP",
        Seen(is_secure=False, via="GET cluster.invalid"),
        config(server="http://cluster.invalid", trust={}),
        environ={"HTTP_PROXY": "http://127.0.0.1:PORT"},
    ),
    case("ALL_PROXY", TOKEN, to(HERE), environ={"ALL_PROXY": "http://127.0.0.1:1"}),
    case(
        "loopback is never proxied",
        TOKEN,
        to("HTTPS://"),
        environ={"HTTPS_PROXY": "http://127.0.0.1:1"},
    ),
    case(
        "a block without proxy",
        TOKEN,
        to(HERE),
        environ=PROXY | {"NO_PROXY": "0.0.0.0/8"},
    ),
    case(
        "a block in lower case",
        TOKEN,
        to(HERE),
        environ=PROXY | {"no_proxy": "10.0.0.0/8, 0.0.0.0/30"},
    ),
    case(
        "another block", PROXIED, to(HERE), environ=PROXY | {"NO_PROXY": "10.0.0.0/8"}
    ),
    case("an address", TOKEN, to(HERE), environ=PROXY | {"NO_PROXY": "0.0.0.0"}),
    case(
        "an address and its port",
        TOKEN,
        to(HERE),
        environ=PROXY | {"NO_PROXY": "0.0.0.0:PORT"},
    ),
    case(
        "an address and another port",
        PROXIED,
        to(HERE),
        environ=PROXY | {"NO_PROXY": "0.0.0.0:1"},
    ),
    case("everything", TOKEN, to(HERE), environ=PROXY | {"NO_PROXY": "a.b,*"}),
    case(
        "a name",
        Unreachable(phase="dns"),
        to(AWAY),
        environ=PROXY | {"NO_PROXY": "invalid"},
    ),
    case(
        "names below",
        Unreachable(phase="dns"),
        to(AWAY),
        environ=PROXY | {"NO_PROXY": ".invalid"},
    ),
    case(
        "names below, not this one",
        NAMED,
        to(AWAY),
        environ=PROXY | {"NO_PROXY": ".cluster.invalid"},
    ),
    case(
        "a part of a name",
        NAMED,
        to(AWAY),
        environ=PROXY | {"NO_PROXY": "uster.invalid"},
    ),
    case(
        "the kubeconfig's proxy comes first",
        PROXIED,
        to(HERE, proxy_url="HTTP://"),
        environ={"NO_PROXY": "*", "HTTPS_PROXY": "http://127.0.0.1:1"},
    ),
    case("a .netrc", TOKEN, to(HERE), environ={"NETRC": "FOLDER/netrc"}),
    case("a broken .netrc", TOKEN, to(HERE), environ={"NETRC": "FOLDER/broken"}),
    case(
        "a .netrc and nobody",
        Seen(),
        config({}),
        environ={"NETRC": "FOLDER/netrc"},
        theirs=NOTHING,
        why="kubectl asks the terminal for a name",
    ),
]
