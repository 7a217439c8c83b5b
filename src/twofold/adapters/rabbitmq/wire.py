"""AMQP 0-9-1 as bytes, where it is on the path of every message; all else is left to pamqp.

A frame is its kind (1 byte), channel (2), size (4), payload, and 0xCE. A message is three or more
of them: a method (publish, deliver or return), a header with the properties, and the body.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import lru_cache

try:
    from pamqp import commands as commands
    from pamqp import frame as frame
    from pamqp.decode import field_table
except ModuleNotFoundError as exc:
    if exc.name != "pamqp":
        raise
    raise ModuleNotFoundError(
        "RabbitMQ needs a library: pip install 'twofold[rabbitmq]'", name="pamqp"
    ) from exc

from twofold.ports.transport import Delivery, Message

KINDS = METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
GREETING = b"AMQP\x00\x00\x09\x01"
ALIVE = b"\x08\x00\x00\x00\x00\x00\x00\xce"
ACK, NACK, DELIVER, RETURN = (
    b"\x00\x3c\x00\x50",
    b"\x00\x3c\x00\x78",
    b"\x00\x3c\x00\x3c",
    b"\x00\x3c\x00\x32",
)

_BASIC = 60
_CONTENT_TYPE, _CONTENT_ENCODING, _HEADERS, _DELIVERY_MODE = 0x8000, 0x4000, 0x2000, 0x1000
_PERSISTENT = b"\x02"
_FRAME = struct.Struct(">BHI")
_CONTENT = struct.Struct(">HHQH")
_SIZE = struct.Struct(">I")
_KEY = "key"
_OFFSET = "x-stream-offset"
# The binding of CloudEvents to AMQP allows both.
_PREFIXES = ("cloudEvents:", "cloudEvents_")


def framed(kind: int, channel: int, payload: bytes) -> bytes:
    """One frame."""
    return b"%b%b\xce" % (_FRAME.pack(kind, channel, len(payload)), payload)


def published(queue: str, message: Message, channel: int, body_bytes: int) -> Iterator[bytes]:
    """The frames that publish ``message``, of which the broker takes bodies of ``body_bytes``.

    It is published as mandatory: what reaches no queue comes back.
    """
    yield _publish(queue, channel)
    yield framed(HEADER, channel, _header(message))
    for begin in range(0, len(message.data), body_bytes):
        yield framed(BODY, channel, message.data[begin : begin + body_bytes])


def body_size(header: bytes) -> int:
    """How long the body is that follows a header."""
    size: int = _CONTENT.unpack_from(header)[2]
    return size


def delivery_of(partition: int, header: bytes, body: bytes) -> tuple[int, Delivery]:
    """Offset and message, whoever published it."""
    content_type, headers = _properties(header)
    offset = headers.pop(_OFFSET, -1)
    attributes = {"datacontenttype": content_type} if content_type else {}
    for name, value in headers.items():
        if name.startswith(_PREFIXES):
            attributes[name[len(_PREFIXES[0]) :]] = _text(value)
    at = offset if isinstance(offset, int) else -1
    return at, Delivery(partition, str(at), _text(headers.get(_KEY, "")), attributes, body)


@lru_cache(1_024)
def _publish(queue: str, channel: int) -> bytes:
    return frame.marshal(commands.Basic.Publish(routing_key=queue, mandatory=True), channel)


def _header(message: Message) -> bytes:
    content_type = b""
    table = [_entry(_KEY, message.key)]
    for name, value in message.attributes.items():
        if name == "datacontenttype":
            content_type = value.encode()
        else:
            table.append(_entry(_PREFIXES[0] + name, value))
    entries = b"".join(table)
    flags = _CONTENT_TYPE | _HEADERS | _DELIVERY_MODE
    return b"%b%c%b%b%b%b" % (
        _CONTENT.pack(_BASIC, 0, len(message.data), flags),
        len(content_type),
        content_type,
        _SIZE.pack(len(entries)),
        entries,
        _PERSISTENT,
    )


def _entry(name: str, value: str) -> bytes:
    text = value.encode()
    return b"%bS%b%b" % (_name(name), _SIZE.pack(len(text)), text)


@lru_cache(1_024)
def _name(name: str) -> bytes:
    encoded = name.encode()
    return b"%c%b" % (len(encoded), encoded)


def _properties(header: bytes) -> tuple[str, dict[str, object]]:
    """The content type and the headers; what comes after them is not needed."""
    flags = _CONTENT.unpack_from(header)[3]
    at, content_type = _CONTENT.size, ""
    if flags & _CONTENT_TYPE:
        at, content_type = _short_text(header, at)
    if flags & _CONTENT_ENCODING:
        at, _ = _short_text(header, at)
    return content_type, _table(header, at) if flags & _HEADERS else {}


def _short_text(source: bytes, at: int) -> tuple[int, str]:
    end = at + 1 + source[at]
    return end, source[at + 1 : end].decode("utf-8", "replace")


def _table(source: bytes, at: int) -> dict[str, object]:
    """A table of texts and the offset; one with anything else in it is left to pamqp."""
    (size,) = _SIZE.unpack_from(source, at)
    begin, found = at, dict[str, object]()
    at += 4
    end = at + size
    while at < end:
        at, name = _short_text(source, at)
        kind = source[at]
        if kind == _LONG_TEXT:
            (length,) = _SIZE.unpack_from(source, at + 1)
            found[name] = source[at + 5 : at + 5 + length].decode("utf-8", "replace")
            at += 5 + length
        elif kind == _LONG:
            found[name] = int.from_bytes(source[at + 1 : at + 9], "big", signed=True)
            at += 9
        else:
            return dict(field_table(source[begin:end])[1])
    return found


_LONG_TEXT, _LONG = b"Sl"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping):
        return ", ".join(f"{name}={_text(one)}" for name, one in value.items())
    return str(value)
