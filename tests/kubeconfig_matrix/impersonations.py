"""As whom the API server is asked."""

from tests.kubeconfig_matrix.case import NOTHING, TOKEN, Refused, Seen, case, config

NOBODY_TO_BE = {"token": "t"}


def as_(*fields: tuple[str, str], **changes) -> Seen:
    """What is seen of a user with a token who asks as somebody else."""
    names = tuple(sorted((f"impersonate-{name}", value) for name, value in fields))
    return Seen(**{"authorization": "Bearer t", "impersonated": names, **changes})


def asking(**keys) -> str:
    """A kubeconfig whose user asks as somebody else."""
    renamed = {key.replace("_", "-"): value for key, value in keys.items()}
    return config({"token": "t", **renamed})


JANE = ("user", "jane")

CASES = [
    case("a user", as_(JANE), asking(**{"as": "jane"})),
    case(
        "groups",
        as_(JANE, ("group", "a"), ("group", "b:c")),
        asking(**{"as": "jane", "as_groups": ["b:c", "a"]}),
    ),
    case(
        "an empty group",
        as_(JANE, ("group", "")),
        asking(**{"as": "jane", "as_groups": [""]}),
    ),
    case("a uid", as_(JANE, ("uid", "7")), asking(**{"as": "jane", "as_uid": "7"})),
    case(
        "extras",
        as_(JANE, ("extra-scopes", "view"), ("extra-scopes", "edit")),
        asking(**{"as": "jane", "as_user_extra": {"scopes": ["view", "edit"]}}),
    ),
    case(
        "extras whose names are no header's",
        as_(JANE, ("extra-acme.com%2fa%25b%20%c3%a9", "x")),
        asking(**{"as": "jane", "as_user_extra": {"acme.com/a%b é": ["x"]}}),
    ),
    case(
        "extras without values",
        as_(JANE),
        asking(**{"as": "jane", "as_user_extra": {"none": [], "null": None}}),
    ),
    case(
        "all of it",
        as_(JANE, ("uid", "7"), ("group", "a"), ("extra-k", "v")),
        asking(
            **{"as": "jane", "as_uid": "7", "as_groups": ["a"]},
            as_user_extra={"k": ["v"]},
        ),
    ),
    case("a name beyond ASCII", as_(("user", "jané")), asking(**{"as": "jané"})),
    case("a name with spaces", as_(("user", "a b")), asking(**{"as": " a b "})),
    case("a name with a tab", as_(("user", "a\tb")), asking(**{"as": "a\tb"})),
    case(
        "a name with a line break",
        Refused(key="users[u].as"),
        asking(**{"as": "jane\nx: y"}),
    ),
    case(
        "a group with a line break",
        Refused(key="users[u].as-groups"),
        asking(**{"as": "jane", "as_groups": ["a\r\nx: y"]}),
    ),
    case("no name", TOKEN, asking(**{"as": ""})),
    case(
        "groups of nobody",
        Refused(key="users[u].as-groups"),
        asking(as_groups=["system:masters"]),
    ),
    case("a uid of nobody", Refused(key="users[u].as-uid"), asking(as_uid="7")),
    case(
        "extras of nobody",
        Refused(key="users[u].as-user-extra"),
        asking(as_user_extra={"k": ["v"]}),
    ),
    case(
        "one extra instead of a list",
        Refused(key="as-user-extra"),
        asking(**{"as": "jane", "as_user_extra": {"k": "v"}}),
    ),
    case("a name that is a number", Refused(key="$.as"), asking(**{"as": 7})),
    case(
        "a user with a certificate",
        as_(JANE, authorization=None, certificate="client of the tests"),
        config(
            {
                "client-certificate": "client.pem",
                "client-key": "client.pem",
                "as": "jane",
            }
        ),
    ),
    case(
        "a user with a password",
        as_(JANE, authorization="Basic dTpw"),
        config({"username": "u", "password": "p", "as": "jane"}),
    ),
    case(
        "nobody as somebody",
        as_(JANE, authorization=None),
        config({"as": "jane"}),
        theirs=NOTHING,
        why="kubectl asks the terminal for a name",
    ),
    case(
        "somebody over plain HTTP",
        as_(JANE, authorization=None, is_secure=False),
        config({"token": "t", "as": "jane"}, server="HTTP://", trust={}),
    ),
]
