"""One attempt with a token, as `exchange` makes it, at the price of the fast path."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import httpx

from bridge.events.encode import Header
from bridge.sinks.oauth2 import OAuth2Auth
from bridge.sinks.reply import Reply

Post = Callable[[Header], Awaitable[Reply]]
"""Sends the event with one more header field, within the sink's own deadline."""


async def exchange_with_token(
    post: Post, *, auth: OAuth2Auth, timeout_seconds: float
) -> Reply:
    """Send with a token, once more with a new one after a 401; return the answer.

    Args:
        post: Sends.
        auth: Gives tokens.
        timeout_seconds: Longest that all of it may take.

    Raises:
        httpx.TransportError: There was no answer, or no token.
        UnusableError: There is no token until somebody mends something.
    """
    spent_seconds = 0.0
    token = auth.ready()
    if token is not None:
        began = time.perf_counter()
        reply = await post(token_field(token))
        if reply.status != HTTPStatus.UNAUTHORIZED:
            return reply
        spent_seconds = time.perf_counter() - began
    try:
        async with asyncio.timeout(timeout_seconds - spent_seconds):
            return await _with_new_token(post, auth, refused=token)
    except TimeoutError as error:
        message = f"no complete answer within {timeout_seconds:g} s"
        raise httpx.ReadTimeout(message) from error


async def _with_new_token(
    post: Post, auth: OAuth2Auth, *, refused: str | None
) -> Reply:
    token = await auth.get(refused=refused)
    reply = await post(token_field(token))
    if reply.status == HTTPStatus.UNAUTHORIZED and refused is None:
        token = await auth.get(refused=token)
        reply = await post(token_field(token))
    return reply


def token_field(token: str) -> Header:
    """Return the header field with a token."""
    return b"authorization", b"Bearer " + token.encode()
