"""OpenAPI describes it all."""

import pytest
from jsonschema import Draft202012Validator

from bridge.api.auth import OPEN_PATHS


@pytest.fixture
async def document(client):
    """What the API says of itself."""
    return (await client.get("/openapi.json")).json()


def operations(document):
    """Return (path, method, operation) of each."""
    return [
        (path, method, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


async def test_the_design_is_there(document):
    """Every path that the design names, and the probes."""
    wanted = {
        "config",
        "sources",
        "sinks",
        "routes",
        "events",
        "deliveries",
        "dead-letters",
        "cursors",
    }

    assert set(document["paths"]) >= OPEN_PATHS
    assert {f"/api/v1/{one}" for one in wanted} <= set(document["paths"])


async def test_every_operation_is_explained_and_named_once(document):
    """Summary, description, tag, and an id that clients can be made from."""
    found = operations(document)

    assert all(one["summary"] and one["description"] for _, _, one in found)
    assert all(one["tags"] for _, _, one in found)
    assert len({one["operationId"] for _, _, one in found}) == len(found)


async def test_all_but_what_is_open_have_a_security_scheme(document):
    """Which is a bearer token; the callback of a handshake has a key in its path."""
    secured = {path for path, _, one in operations(document) if "security" in one}

    opened = OPEN_PATHS | {"/api/v1/handshakes/{sink}/{key}"}
    assert secured == set(document["paths"]) - opened
    assert document["components"]["securitySchemes"]["HTTPBearer"]["scheme"] == "bearer"


async def test_every_refusal_has_the_same_form(document):
    """An object with `error`; FastAPI's own form of 422 is not used."""
    refusals = [
        answer["content"]["application/json"]["schema"]["$ref"]
        for path, _, one in operations(document)
        for code, answer in one["responses"].items()
        if path not in OPEN_PATHS and code >= "400"
    ]

    assert set(refusals) == {"#/components/schemas/Problem"}
    assert "HTTPValidationError" not in document["components"]["schemas"]


async def test_answers_have_the_form_that_is_promised(client, document, world):
    """Each list, with something in it, is valid by its schema."""
    await world.store("a", "b")
    await world.give_up()
    await world.store("c")
    lists = ("sources", "cursors", "sinks", "routes", "events")
    for path in (*lists, "deliveries", "dead-letters"):
        answer = document["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]
        schema = answer["content"]["application/json"]["schema"]
        whole = {**schema, "components": document["components"]}
        content = (await client.get(f"/api/v1/{path}")).json()

        Draft202012Validator(whole).validate(content)
        assert content["items"], path


async def test_there_are_no_pages_that_load_from_elsewhere(client):
    """The usual documentation pages of FastAPI fetch scripts from a CDN."""
    codes = [(await client.get(path)).status_code for path in ("/docs", "/redoc")]

    assert codes == [404, 404]


async def test_what_is_not_there_is_a_problem_too(client):
    """404 and 405 have the same form as every refusal."""
    missing = await client.get("/api/v1/nothing")
    wrong = await client.get("/api/v1/events/replay/x")

    assert missing.json() == {"error": "Not Found"}
    assert wrong.status_code == 404


@pytest.mark.parametrize(
    "body", [b"", b"\xff", b"[]", b"{}", b'{"handles": ["\\u0000"], "sink": "hook"}']
)
async def test_no_request_brings_an_operation_down(client, document, body):
    """Whatever is sent, the answer is one that OpenAPI names, never 500."""
    for path, method, operation in operations(document):
        answer = await client.request(
            method,
            path.replace("{", "%00").replace("}", "\u00e9"),
            content=body,
            params={"limit": "1", "after": "e1 OR 1", "since": "0001-01-01T00:00:00"},
        )

        assert answer.status_code != 500
        assert str(answer.status_code) in operation["responses"], (path, answer.text)


async def test_all_names_are_in_camel_case(document):
    """Of what is asked and what is answered (issue 11)."""
    schemas = document["components"]["schemas"].values()
    names = {name for one in schemas for name in one.get("properties", {})}
    names |= {
        parameter["name"]
        for _, _, one in operations(document)
        for parameter in one.get("parameters", ())
        if parameter["in"] == "query"
    }

    assert {"deadLetters", "resourceVersion", "after"} < names
    assert not [name for name in names if "_" in name]


async def test_pages_go_on_in_the_same_words_everywhere(document):
    """`next` of an answer is `after` of the request (issue 11)."""
    schemas = document["components"]["schemas"]
    asked = {
        content["schema"]["$ref"].rpartition("/")[2]
        for _, _, one in operations(document)
        for content in one.get("requestBody", {}).get("content", {}).values()
        if "$ref" in content["schema"]
    }
    having = {name for name in asked if "after" in schemas[name]["properties"]}

    assert having == {
        "DeadLetterReplay",
        "DeadLetterSelection",
        "DeliveryPurge",
        "DeliveryReplay",
    }
    assert not [name for name in asked if "next" in schemas[name]["properties"]]
