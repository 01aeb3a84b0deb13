"""A small HTTP/1.1 client for POSTs, on asyncio's connections and Node's parser.

::

    LlhttpTransport   the way to a sink, as `AiohttpTransport` is one
    ├── RequestHeads  the bytes before a body, prepared once
    ├── Pool          connections that wait, and how many may be in use: ConnectionSlots
    └── Connection    one request at a time
        └── ResponseReader  bytes to an answer, by llhttp

It does less than aiohttp, and therefore costs a fraction: no redirects, cookies,
compression, upgrades, pipelining or proxies. Whatever is not exactly one answer to one
request ends its connection.
"""
