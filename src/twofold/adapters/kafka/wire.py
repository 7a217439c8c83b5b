"""CloudEvents in Kafka's binary content mode: attributes as ``ce_`` headers, data as the value."""

from __future__ import annotations

from typing import Any

from twofold.ports.transport import Delivery, Message

_PREFIX = "ce_"
_CONTENT_TYPE = "content-type"
_KIND = "datacontenttype"


def headers_of(message: Message) -> list[tuple[str, str]]:
    """What stands before the data."""
    return [
        (_CONTENT_TYPE if name == _KIND else _PREFIX + name, value)
        for name, value in message.attributes.items()
    ]


def delivery_of(found: Any) -> Delivery:
    """A message of the driver, whoever published it."""
    return Delivery(
        found.partition(),
        str(found.offset()),
        (found.key() or b"").decode(errors="replace"),
        _attributes(found.headers() or ()),
        found.value() or b"",
    )


def _attributes(headers: Any) -> dict[str, str]:
    try:
        return {
            _KIND if name == _CONTENT_TYPE else name[3:]: value.decode()
            for name, value in headers
            if name[:3] == _PREFIX or name == _CONTENT_TYPE
        }
    except (UnicodeDecodeError, AttributeError):
        return _attributes([header for header in headers if _is_text(header[1])])


def _is_text(value: bytes | None) -> bool:
    try:
        return value is not None and value.decode() is not None
    except UnicodeDecodeError:
        return False
