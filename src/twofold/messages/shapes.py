"""The shape of a type as input sees it: what is inside lists, objects and unions."""

from __future__ import annotations

import types
from collections.abc import Collection, Mapping
from typing import Annotated, Any, NewType, Union, get_args, get_origin

import msgspec

_NO_LISTS = (Mapping, str, bytes)


def plain_types(kind: Any) -> tuple[Any, ...]:
    """The members of a union (or the one type) without annotations, new names and null."""
    if isinstance(kind, NewType):
        return plain_types(kind.__supertype__)
    origin = get_origin(kind)
    if origin is Annotated:
        return plain_types(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        return tuple(one for member in get_args(kind) for one in plain_types(member))
    return () if kind is type(None) else (kind,)


def struct_of(kind: Any, raw: Mapping[str, Any]) -> type[msgspec.Struct] | None:
    """The struct that ``raw`` is meant to be; of several, the one that its tag names."""
    structs = [
        k for k in plain_types(kind) if isinstance(k, type) and issubclass(k, msgspec.Struct)
    ]
    if len(structs) == 1:
        return structs[0]
    for struct in structs:
        config = struct.__struct_config__
        if config.tag_field is not None and raw.get(config.tag_field) == config.tag:
            return struct
    return None


def item_types(kind: Any, count: int) -> tuple[Any, ...] | None:
    """The types of ``count`` items in a list of ``kind``; None if it is no list of theirs."""
    for one in plain_types(kind):
        origin, arguments = get_origin(one), get_args(one)
        if origin is tuple and arguments[-1:] != (...,):
            return arguments if len(arguments) == count else None
        if _is_collection(origin) and not issubclass(origin, Mapping):
            return (arguments[0],) * count
    return None


def value_type(kind: Any) -> Any:
    """The type of the values in a mapping; None if it is none."""
    for one in plain_types(kind):
        origin = get_origin(one)
        if _is_collection(origin) and issubclass(origin, Mapping):
            return get_args(one)[1]
    return None


def is_several(kind: Any) -> bool:
    """Whether a value of ``kind`` is a list."""
    origins = (get_origin(one) or one for one in plain_types(kind))
    return any(_is_collection(one) and not issubclass(one, _NO_LISTS) for one in origins)


def _is_collection(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Collection)
