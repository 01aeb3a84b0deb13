"""One attempt by httpx's full contract: for any `httpx.Auth` and any transport."""

import asyncio
import time

import httpx

from bridge.sinks.transports.response import EXCERPT_BYTES, MOST_READ_BYTES, Response


async def exchange(
    transport: httpx.AsyncBaseTransport,
    request: httpx.Request,
    *,
    auth: httpx.Auth,
    timeout_seconds: float,
) -> Response:
    """Send a request, and those that `auth` asks for, and return the last answer.

    `httpx.AsyncClient` would do it too, and keep cookies.

    Args:
        transport: The way to the sink.
        request: What to send.
        auth: Changes the request, and may answer an answer with another request.
        timeout_seconds: Longest that all of it may take.

    Raises:
        httpx.TransportError: There was no answer.
    """
    began = time.perf_counter()
    try:
        async with asyncio.timeout(timeout_seconds):
            response = await _authenticated(transport, request, auth)
            try:
                excerpt = await _read_excerpt(response)
            finally:
                await response.aclose()
    except TimeoutError as error:
        message = f"no complete answer within {timeout_seconds:g} s"
        raise httpx.ReadTimeout(message) from error
    duration = time.perf_counter() - began
    return Response(response.status_code, response.headers, excerpt, duration)


async def _authenticated(
    transport: httpx.AsyncBaseTransport, request: httpx.Request, auth: httpx.Auth
) -> httpx.Response:
    flow = auth.async_auth_flow(request)
    try:
        request = await anext(flow)
        while True:
            response = await transport.handle_async_request(request)
            response.request = request
            try:
                request = await flow.asend(response)
            except StopAsyncIteration:
                return response
            await response.aclose()
    finally:
        await flow.aclose()


async def _read_excerpt(response: httpx.Response) -> bytes:
    if response.is_stream_consumed:  # by the auth, which may want the body
        return response.content[:EXCERPT_BYTES]
    excerpt, total = b"", 0
    async for chunk in response.aiter_raw():
        excerpt += chunk[: EXCERPT_BYTES - len(excerpt)]
        total += len(chunk)
        if total >= MOST_READ_BYTES:
            break
    return excerpt
