"""One HTTP exchange on bare ASGI: what came in, and how an answer goes out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from hashlib import blake2b
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from twofold.domain.caller import NOBODY, Caller
from twofold.http.rejections import BodyTooLarge, Malformed

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]

JSON = b"application/json"
_METHODS = frozenset(
    {"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE"}
)
_FIXED = (b"x-content-type-options", b"nosniff"), (b"vary", b"authorization, cookie")
_NOT_KEPT = b"cache-control", b"no-store"
_ASKED_AGAIN = b"cache-control", b"private, no-cache"


class Exchange:
    """A request, and the headers of its answer so far."""

    __slots__ = (
        "_cookies",
        "_headers",
        "added",
        "caller",
        "complete",
        "endless",
        "method",
        "parameters",
        "path",
        "receive",
        "request_id",
        "route",
        "scope",
        "send",
        "status",
        "traceparent",
    )

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        self.receive = receive
        self.send = send
        self.method: str = scope["method"]
        # Mounted in another application, the path begins with where that is.
        self.path: str = scope["path"].removeprefix(scope.get("root_path", ""))
        self.caller: Caller = NOBODY
        self.parameters: Mapping[str, str] = {}
        self.request_id = ""
        self.traceparent = ""
        self.route = ""
        self.status = 0
        self.complete = False
        self.endless = False
        self.added: list[tuple[bytes, bytes]] = []
        self._headers: dict[bytes, bytes] | None = None
        self._cookies: dict[str, str] | None = None

    @property
    def told_method(self) -> str:
        """The method for metrics and traces: clients may make up any, so there are only these."""
        return self.method if self.method in _METHODS else "_OTHER"

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """The headers by their names in lower case."""
        if self._headers is None:
            self._headers = dict(self.scope["headers"])
        return self._headers

    def header(self, name: bytes) -> str:
        """A header's value, "" if absent; ``name`` in lower case."""
        return self.headers.get(name, b"").decode("latin-1")

    def has(self, name: bytes) -> bool:
        """Whether a header was sent, be it empty."""
        return any(sent == name for sent, _ in self.scope["headers"])

    def cookie(self, name: str) -> str:
        """A cookie's value, "" if absent."""
        if self._cookies is None:
            self._cookies = _cookies(self.header(b"cookie"))
        return self._cookies.get(name, "")

    def query(self) -> dict[str, list[str]]:
        """The query's parameters. Raises Malformed for bytes that are no UTF-8."""
        try:
            text = self.scope["query_string"].decode("ascii")
            return parse_qs(text, keep_blank_values=True, errors="strict", max_num_fields=100)
        except (UnicodeDecodeError, ValueError) as exc:
            raise Malformed(f"the query can't be read: {exc}") from exc

    async def body(self, limit_bytes: int) -> bytes:
        """The whole body. Raises BodyTooLarge without reading on."""
        length = self.header(b"content-length")
        if length.isdigit() and int(length) > limit_bytes:
            raise self._too_large(limit_bytes)
        parts, size = [], 0
        while True:
            message = await self.receive()
            if message["type"] != "http.request":
                raise Malformed("the client went away")
            part = message.get("body", b"")
            size += len(part)
            if size > limit_bytes:
                raise self._too_large(limit_bytes)
            parts.append(part)
            if not message.get("more_body"):
                return b"".join(parts)

    def _too_large(self, limit_bytes: int) -> BodyTooLarge:
        # Without this the server would read what is left, to find the next request behind it.
        self.add(b"connection", "close")
        return BodyTooLarge(limit_bytes)

    def add(self, name: bytes, value: str) -> None:
        """A header for the answer."""
        self.added.append((name, value.encode("latin-1")))

    def set_cookie(self, name: str, value: str, *, seconds: int | None = None) -> None:
        """An HttpOnly cookie for the whole site; ``seconds=0`` removes it."""
        age = "" if seconds is None else f"; Max-Age={seconds}"
        secure = "; Secure" if self.scope.get("scheme") == "https" else ""
        self.add(b"set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax{age}{secure}")

    async def answer(
        self,
        status: int,
        body: bytes,
        content_type: bytes = JSON,
        caching: tuple[bytes, bytes] = _NOT_KEPT,
    ) -> None:
        """Send the answer; for HEAD without its body."""
        headers = [
            (b"content-type", content_type),
            (b"content-length", b"%d" % len(body)),
            caching,
            *_FIXED,
            *self.added,
        ]
        await self._send(status, headers, b"" if self.method == "HEAD" else body)

    async def answer_kept(self, body: bytes) -> None:
        """Send a document that the client may keep and ask for again by its tag: 304 if it may."""
        tag = b'"%s"' % blake2b(body, digest_size=8).hexdigest().encode()
        self.added.append((b"etag", tag))
        known = self.header(b"if-none-match")
        if known and (known == "*" or tag.decode() in known):
            await self.answer_empty(304, _ASKED_AGAIN)
        else:
            await self.answer(200, body, JSON, _ASKED_AGAIN)

    async def answer_empty(self, status: int, caching: tuple[bytes, bytes] = _NOT_KEPT) -> None:
        """Send an answer that has no body by its nature (204, 304)."""
        await self._send(status, [caching, *_FIXED, *self.added], b"")

    async def _send(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
        self.status = status
        await self.send({"type": "http.response.start", "status": status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})
        self.complete = True

    async def pass_on(self, message: MutableMapping[str, Any]) -> None:
        """Send what another application answers, noting how far it has come."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", ()), *self.added]
        await self.send(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            self.complete = True


def _cookies(text: str) -> dict[str, str]:
    """Cookies as browsers send them. What other software on this host has set can't hide ours."""
    pairs = (part.partition("=") for part in text.split(";"))
    return {name.strip(): value.strip().strip('"') for name, _, value in pairs}
