"""The two ways in to the transport, and what is sent."""

import httpx
import pytest
from multidict import CIMultiDict
from yarl import URL

BODY = b'{"specversion":"1.0"}'


async def by_fast_path(transport, url, body=BODY):
    """POST by the fast path; return status and body."""
    reply = await transport.post(URL(url), CIMultiDict(A="b"), body)
    return reply.status, reply.excerpt


async def status_of(transport, url):
    """POST by the fast path; return the status."""
    status, _ = await by_fast_path(transport, url)
    return status


async def by_contract(transport, url, body=BODY):
    """POST by httpx's contract; return status and body."""
    request = httpx.Request("POST", url, headers={"A": "b"}, content=body)
    response = await transport.handle_async_request(request)
    try:
        return response.status_code, await response.aread()
    finally:
        await response.aclose()


both_ways = pytest.mark.parametrize("post", [by_fast_path, by_contract])
