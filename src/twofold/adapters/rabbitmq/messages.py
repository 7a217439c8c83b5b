"""Messages as CloudEvents' binding for AMQP has them: attributes are headers with a prefix."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from twofold.ports.transport import Delivery, Message

_KEY = "key"
_OFFSET = "x-stream-offset"
# The binding of CloudEvents to AMQP allows both.
_PREFIXES = ("cloudEvents:", "cloudEvents_")


def headers_of(message: Message) -> tuple[str | None, dict[str, str]]:
    """The content type and the headers."""
    headers = {_KEY: message.key}
    for name, value in message.attributes.items():
        headers[_PREFIXES[0] + name] = value
    return headers.pop(f"{_PREFIXES[0]}datacontenttype", None), headers


def delivery_of(partition: int, properties: Any, body: bytes) -> tuple[int, Delivery]:
    """Offset and message, whoever published it."""
    headers, content_type = properties.headers or {}, properties.content_type
    offset = headers.get(_OFFSET, -1)
    at = int(offset) if isinstance(offset, int) else -1
    attributes = {"datacontenttype": _text(content_type)} if content_type else {}
    for name, value in headers.items():
        if isinstance(name, str) and name.startswith(_PREFIXES):
            text = value if isinstance(value, str) else _text(value)
            attributes[name[len(_PREFIXES[0]) :]] = text
    return at, Delivery(partition, str(at), _text(headers.get(_KEY, "")), attributes, body)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return ", ".join(f"{_text(name)}={_text(one)}" for name, one in value.items())
    return str(value)
