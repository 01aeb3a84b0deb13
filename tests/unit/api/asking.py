"""Asks the API for deliveries."""

PATH = "/api/v1/deliveries"


async def listed(client, **asked):
    """Return the deliveries on a page: those that wait, if nothing else is asked."""
    usual = {"state": "waiting", "order": "oldest"}
    answer = await client.get(PATH, params=usual | asked)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def ids(client, **asked):
    """Return the ids of the deliveries on a page."""
    return [one["id"] for one in await listed(client, **asked)]
