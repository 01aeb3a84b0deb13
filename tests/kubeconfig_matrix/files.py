"""Files, how they are merged, and what a context means."""

import json

import yaml

from tests.kubeconfig_matrix.case import NOTHING, TOKEN, Refused, Seen, case, config

OTHER = Seen(authorization="Bearer other")
LENIENT = "what the context does not lead to is not looked at"


def part(**content) -> str:
    """A file with less than everything."""
    keys = {key.replace("_", "-"): value for key, value in content.items()}
    return yaml.safe_dump(keys)


def with_context(**changes) -> str:
    """A kubeconfig with a context like this."""
    one = {"cluster": "c", "user": "u", **changes}
    return config(contexts=[{"name": "here", "context": one}])


def beside(kind: str, name: str, entry: object) -> str:
    """A kubeconfig with one more entry, which no context leads to."""
    content = yaml.safe_load(config())
    content[f"{kind}s"].append({"name": name, kind: entry})
    return yaml.safe_dump(content)


MERGED = """
base: &base {certificate-authority: ca.pem, server: "http://127.0.0.1:1"}
current-context: here
contexts: [{name: here, context: {cluster: c, user: u}}]
users: [{name: u, user: {token: t}}]
clusters: [{name: c, cluster: {<<: *base, server: "HTTPS://"}}]
"""

CASES = [
    case("JSON", TOKEN, json.dumps(yaml.safe_load(config()))),
    case("anchors and merge keys", TOKEN, MERGED),
    case("a byte order mark", TOKEN, "\ufeff" + config()),
    case("neither kind nor version", TOKEN, config(kind=None, apiVersion=None)),
    case("another kind", Refused(key="kind"), config(kind="Konfig")),
    case("another version", Refused(key="kind"), config(apiVersion="v9")),
    case("no YAML", Refused(key="expected YAML"), "a: ["),
    case("no mapping", Refused(key="kubeconfig"), "[1]"),
    case("an empty file", Refused(key="context"), ""),
    case("only a comment", Refused(key="context"), "# nothing\n"),
    case("a file that is missing", TOKEN, None, config()),
    case("a file that is empty", TOKEN, "", config()),
    case(
        "the first to name a user wins",
        OTHER,
        part(users=[{"name": "u", "user": {"token": "other"}}]),
        config(),
    ),
    case(
        "entries are not mixed",
        TOKEN,
        config(),
        part(users=[{"name": "u", "user": {"as": "jane"}}]),
    ),
    case(
        "the first current context wins",
        OTHER,
        part(current_context=""),
        part(
            current_context="there",
            contexts=[{"name": "there", "context": {"cluster": "c", "user": "o"}}],
            users=[{"name": "o", "user": {"token": "other"}}],
        ),
        config(),
    ),
    case(
        "no current context", Refused(key="context"), config(**{"current-context": ""})
    ),
    case(
        "a current context that is missing",
        Refused(key="context"),
        config(**{"current-context": "away"}),
    ),
    case(
        "a cluster that is missing", Refused(key="cluster"), with_context(cluster="x")
    ),
    case(
        "a context without a cluster", Refused(key="cluster"), with_context(cluster="")
    ),
    case("a user that is missing", Refused(key="user"), with_context(user="x")),
    case("a namespace", TOKEN, with_context(namespace="shop")),
    case(
        "extensions and preferences",
        TOKEN,
        config(
            preferences={"colors": True},
            extensions=[{"name": "e", "extension": {"x": 1}}],
        ),
    ),
    case("unknown keys of a file", TOKEN, config(more=[1], token="x")),
    case(
        "two users of one name",
        Refused(key="users[u]"),
        config(users=[{"name": "u", "user": {"token": one}} for one in "ts"]),
    ),
    case(
        "two other users of one name",
        TOKEN,
        config(
            users=[{"name": name, "user": {"token": "t"}} for name in ("u", "x", "x")]
        ),
        theirs=NOTHING,
        why=LENIENT,
    ),
    case("another cluster without a server", TOKEN, beside("cluster", "x", {})),
    case(
        "another cluster by SOCKS",
        TOKEN,
        beside("cluster", "x", {"server": "x", "proxy-url": "socks5://x"}),
    ),
    case(
        "another user of a retired kind",
        TOKEN,
        beside("user", "x", {"auth-provider": {"name": "gcp"}}),
    ),
    case("another user with half a plugin", TOKEN, beside("user", "x", {"exec": {}})),
    case("another user with an unknown key", TOKEN, beside("user", "x", {"y": 1})),
    case(
        "another user with missing files",
        TOKEN,
        beside("user", "x", {"client-certificate": "z"}),
    ),
    case(
        "another user of nobody's groups",
        TOKEN,
        beside("user", "x", {"as-groups": ["g"]}),
    ),
    case(
        "another user whose token is a number",
        TOKEN,
        beside("user", "x", {"token": 1}),
        theirs=NOTHING,
        why=LENIENT,
    ),
    case(
        "another user that is a list",
        TOKEN,
        beside("user", "x", [1]),
        theirs=NOTHING,
        why=LENIENT,
    ),
    case(
        "another user without a name",
        TOKEN,
        config(users=[{"name": "u", "user": {"token": "t"}}, {}]),
    ),
    case(
        "another user that is a word",
        TOKEN,
        config(users=["x", {"name": "u", "user": {"token": "t"}}]),
        theirs=NOTHING,
        why=LENIENT,
    ),
    case("another context to nowhere", TOKEN, beside("context", "x", {"cluster": "z"})),
    case(
        "a path",
        Seen(authorization="Bearer t", path="/a/b/version"),
        config(server="HTTPS:///a/b"),
    ),
    case("a slash", TOKEN, config(server="HTTPS:///")),
    case(
        "a path with a slash and a query",
        Seen(authorization="Bearer t", path="/a/version"),
        config(server="HTTPS:///a/?b=c#d"),
    ),
    case(
        "a server without a scheme",
        Refused(key="clusters[c].server"),
        config(server="127.0.0.1:PORT"),
        theirs=Seen(is_secure=False),
        why="kubectl takes it for plain HTTP and leaves the login out",
    ),
    case(
        "a server of another scheme",
        Refused(key="clusters[c].server"),
        config(server="ftp://x"),
    ),
    case("no server", Refused(key="clusters[c].server"), config(server="")),
    case("no server at all", Refused(key="clusters[c].server"), config(server=None)),
    case("a server that is a list", Refused(key="$.server"), config(server=["x"])),
]
