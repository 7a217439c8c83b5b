"""CloudEvents in Kafka's binary content mode: attributes as ``ce_`` headers, data as the value."""

from __future__ import annotations

from typing import Any

from twofold.ports.transport import Delivery, Message

_PREFIX = "ce_"
_CONTENT_TYPE = "content-type"
_KIND = "datacontenttype"
# Each header's name is worked out once; foreign publishers may have any number of them.
_NAMES_KEPT = 1_000


def headers_of(message: Message) -> list[tuple[str, str]]:
    """What stands before the data."""
    headers = _HEADERS
    return [(headers[name], value) for name, value in message.attributes.items()]


def delivery_of(found: Any) -> Delivery:
    """A message of the driver, whoever published it."""
    return Delivery(
        found.partition(),
        str(found.offset()),
        (found.key() or b"").decode(errors="replace"),
        _attributes(found.headers() or ()),
        found.value() or b"",
    )


class _Headers(dict[str, str]):
    """Names of headers by those of attributes."""

    def __missing__(self, name: str) -> str:
        header = _PREFIX + name
        if len(self) < _NAMES_KEPT:
            self[name] = header
        return header


class _Attributes(dict[str, str]):
    """Names of attributes by those of headers, "" for headers that are no attributes."""

    def __missing__(self, header: str) -> str:
        name = header[3:] if header.startswith(_PREFIX) else ""
        if len(self) < _NAMES_KEPT:
            self[header] = name
        return name


_HEADERS = _Headers({_KIND: _CONTENT_TYPE})
_NAMES = _Attributes({_CONTENT_TYPE: _KIND})


def _attributes(headers: Any) -> dict[str, str]:
    names = _NAMES
    try:
        found = {names[header]: value.decode() for header, value in headers}
    except (UnicodeDecodeError, AttributeError):
        found = {names[header]: value.decode() for header, value in headers if _is_text(value)}
    found.pop("", None)
    return found


def _is_text(value: bytes | None) -> bool:
    try:
        return value is not None and value.decode() is not None
    except UnicodeDecodeError:
        return False
