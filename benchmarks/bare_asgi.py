"""The least that an ASGI application can do: bytes that are there already."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

BODY = b'{"orderId":"' + b"0" * 36 + b'","filler":"' + b"x" * 540 + b'"}'
_HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]
_START = {"type": "http.response.start", "status": 200, "headers": _HEADERS}
_END = {"type": "http.response.body", "body": BODY}

Send = Callable[[Mapping[str, object]], Awaitable[None]]


async def app(scope: Mapping[str, object], receive: object, send: Send) -> None:
    """Answers everything alike; takes no part in start-up and shutdown."""
    if scope["type"] == "http":
        await send(_START)
        await send(_END)
