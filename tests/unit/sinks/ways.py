"""A POST by a transport, for tests that look at the way alone."""

from multidict import CIMultiDict
from yarl import URL

BODY = b'{"specversion":"1.0"}'


async def post(transport, url, body=BODY):
    """POST; return status and the first of the body."""
    response = await transport.request("POST", URL(url), CIMultiDict(A="b"), body)
    return response.status, response.excerpt


async def status_of(transport, url):
    """POST; return the status."""
    status, _ = await post(transport, url)
    return status
