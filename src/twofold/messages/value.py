"""Immutable typed values: the base of messages, states and read models."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Generic, Self, TypeVar, dataclass_transform

import msgspec
from msgspec.structs import fields as struct_fields

R = TypeVar("R")


class _ValueDefaults(msgspec.StructMeta):
    """Gives every subclass the settings of ``Value``.

    msgspec does not inherit ``kw_only``, so without this a mixin whose fields have defaults could
    not be followed by a class with required ones. It adds nothing else.
    """

    def __new__(
        mcls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any
    ) -> Any:
        settings = {"frozen": True, "kw_only": True, "rename": "camel", **config}
        try:
            return super().__new__(mcls, name, bases, namespace, **settings)
        except TypeError as exc:
            if "lay-out conflict" not in str(exc):
                raise
            raise TypeError(
                f"{name} has several bases with fields; let one of them inherit the other"
            ) from exc


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(msgspec.field,))
class Value(msgspec.Struct, frozen=True, kw_only=True, metaclass=_ValueDefaults):
    """An immutable record with typed fields, written in camelCase on the wire.

    Fields that several records share go into a ``Value`` of their own, which the records inherit:

        class Content(Value):
            title: str

        class Submit(Content, Command): ...
        class Submitted(Content, Event):
            author: str

    ``Submitted(**submit, author="ada")`` copies all fields of another value, and type checkers see
    what is given beside them.
    """

    def keys(self) -> tuple[str, ...]:
        """The names of the fields; with ``value[name]`` this is what ``**value`` asks for."""
        return self.__struct_fields__

    def __getitem__(self, name: str) -> Any:
        """A field by its name. Raises KeyError for an unknown one."""
        if name not in self.__struct_fields__:
            raise KeyError(name)
        return getattr(self, name)

    @classmethod
    def of(cls, *sources: msgspec.Struct, **fields: Any) -> Self:
        """A value whose fields come from ``fields``, else from the first source that has them.

        Raises TypeError naming every required field that no source has, and every field given
        that the class does not have.
        """
        known = _names(cls)
        for source in sources:
            for name in source.__struct_fields__:
                if name in known and name not in fields:
                    fields[name] = getattr(source, name)
        try:
            return cls(**fields)
        except TypeError as exc:
            raise TypeError(f"{cls.__name__}.of: {_misfit(cls, fields) or exc}") from exc

    def but(self, **changes: Any) -> Self:
        """The same value with some fields changed. Raises TypeError for an unknown field."""
        return msgspec.structs.replace(self, **changes)


@cache
def _names(cls: type[Value]) -> frozenset[str]:
    return frozenset(cls.__struct_fields__)


def _misfit(cls: type[Value], given: Mapping[str, object]) -> str:
    unknown = sorted(given.keys() - _names(cls))
    missing = [f.name for f in struct_fields(cls) if f.required and f.name not in given]
    parts = (("no such field", unknown), ("nothing gives", missing))
    return "; ".join(f"{what}: {', '.join(names)}" for what, names in parts if names)


class Command(Value, forbid_unknown_fields=True):
    """An intention addressed to one aggregate; it may be refused."""


class Event(Value):
    """A fact in the past. Unknown fields in old or foreign records are ignored."""


class Timer(Value):
    """A moment that a process has asked to be told of: it comes back when it is due."""


class Query(Value, Generic[R], forbid_unknown_fields=True):
    """A question whose answer has type ``R``; it changes nothing."""


class ReadModel(Value):
    """A document made for a query. Its markers (``Key``, ``Sort``, …) declare its indexes."""
