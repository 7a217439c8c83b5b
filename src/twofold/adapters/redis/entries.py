"""Messages as entries of a stream.

CloudEvents has no binding for Redis, so ours is: the field ``ce_<name>`` for each context
attribute, ``content-type`` for ``datacontenttype``, ``key``, and ``data``.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from twofold.ports.transport import Delivery, Message

_PREFIX = "ce_"
_RENAMED = {"datacontenttype": "content-type"}
_ATTRIBUTES = {"content-type": "datacontenttype"}


def fields_of(message: Message) -> list[str | bytes]:
    """Names and values in turn."""
    fields: list[str | bytes] = ["key", message.key]
    for name, value in message.attributes.items():
        fields.append(_field(name))
        fields.append(value)
    fields.append("data")
    fields.append(message.data)
    return fields


def delivery_of(partition: int, offset: bytes, fields: Sequence[bytes]) -> Delivery:
    """An entry, whoever wrote it.

    The data of an entry without ``data`` are its fields as JSON, so that it can be looked at.
    """
    key, data, attributes = "", None, {}
    for at in range(0, len(fields), 2):
        name, value = fields[at], fields[at + 1]
        if name == b"data":
            data = value
        elif name == b"key":
            key = _text(value)
        elif attribute := _attribute(name):
            attributes[attribute] = _text(value)
    if data is None:
        data = msgspec.json.encode(_readable(fields))
    return Delivery(partition, offset.decode(), key, attributes, data)


@lru_cache(1_024)
def _field(attribute: str) -> str:
    return _RENAMED.get(attribute) or f"{_PREFIX}{attribute}"


@lru_cache(1_024)
def _attribute(field: bytes) -> str:
    name = _text(field)
    return _ATTRIBUTES.get(name) or (name[len(_PREFIX) :] if name.startswith(_PREFIX) else "")


def _readable(fields: Sequence[bytes]) -> dict[str, str]:
    return {_text(fields[at]): _text(fields[at + 1]) for at in range(0, len(fields), 2)}


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
