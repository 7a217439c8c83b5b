"""A fingerprint of code: it changes when what the code computes may have changed."""

from __future__ import annotations

import functools
import hashlib
import sys
import types
from collections.abc import Callable, Iterable
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import msgspec

_PLAIN = (str, int, float, bool, bytes, Decimal, date, time, timedelta, UUID, type(None))


def fingerprint(functions: Iterable[Callable[..., Any]], shapes: Iterable[type]) -> str:
    """16 hex digits over the functions, what they use of their own package, and the shapes.

    What they use: functions, methods of classes, constants, directly or through each other. It is
    stable over comments, formatting and restarts. A new Python version may change it.
    """
    reading = _Reading()
    for function in functions:
        reading.value(function, _package(function))
    for shape in shapes:
        reading.note(_described(shape))
        reading.value(shape, _package(shape))
    return reading.digest.hexdigest()[:16]


@functools.lru_cache(1_024)
def _described(shape: type) -> bytes:
    return msgspec.json.encode(msgspec.json.schema(shape), order="deterministic")


class _Reading:
    """Walks through code and constants, each once."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self._seen: set[int] = set()

    def note(self, content: bytes | str) -> None:
        self.digest.update(content.encode() if isinstance(content, str) else content)
        self.digest.update(b"\x00")

    def value(self, value: Any, package: str) -> None:
        """A constant, a function or a class, as far as it is the package's own."""
        match value:
            case Enum():
                self.note(f"{type(value).__qualname__}.{value.name}={value.value!r}")
            case _ if isinstance(value, _PLAIN):
                self.note(repr(value))
            case tuple() | list():
                self._each(value, package)
            case set() | frozenset():
                self._each(sorted(value, key=_order), package)
            case dict():
                self._each([part for item in value.items() for part in item], package)
            case msgspec.Struct():
                self.note(type(value).__qualname__)
                self._each(msgspec.structs.astuple(value), package)
            case functools.partial():
                self.value((value.func, value.args, value.keywords), package)
            case type():
                self._class(value, package)
            case types.MethodType():
                self.value(value.__func__, package)
            case types.FunctionType():
                self._function(value, package)
            case _ if type(value).__module__ == "operator":
                # attrgetter and its like say in their repr what they get.
                self.note(repr(value))
            case _:
                self.note(type(value).__qualname__)

    def _each(self, values: Iterable[Any], package: str) -> None:
        self.note("(")
        for value in values:
            self.value(value, package)
        self.note(")")

    def _class(self, cls: type, package: str) -> None:
        self.note(cls.__qualname__)
        if id(cls) in self._seen or _package(cls) != package:
            return
        self._seen.add(id(cls))
        if issubclass(cls, Enum):
            self._each(list(cls), package)
        for name, member in sorted(vars(cls).items()):
            for function in _functions(member):
                if _package(function) == package:
                    self.note(name)
                    self._function(function, package)
        for parent in cls.__bases__:
            self._class(parent, package)

    def _function(self, function: types.FunctionType, package: str) -> None:
        self.note(function.__qualname__)
        code = function.__code__
        if id(code) in self._seen or _package(function) != package:
            return
        self._seen.add(id(code))
        self._code(code, package)
        self._each([function.__defaults__, function.__kwdefaults__], package)
        self._each([_content(cell) for cell in function.__closure__ or ()], package)
        names = dict.fromkeys(_names(code))
        for name in names:
            if name in function.__globals__:
                self._global(name, function.__globals__[name], names, package)

    def _global(self, name: str, used: Any, names: Iterable[str], package: str) -> None:
        self.note(name)
        if isinstance(used, types.ModuleType):
            if used.__name__.partition(".")[0] == package:
                found = vars(used)
                self._each([found[other] for other in names if other in found], package)
        else:
            self.value(used, package)

    def _code(self, code: types.CodeType, package: str) -> None:
        self.note(code.co_code)
        self.note(repr((code.co_names, code.co_varnames)))
        docstring = _docstring(code)
        for constant in code.co_consts:
            if isinstance(constant, types.CodeType):
                self._code(constant, package)
            elif docstring is None or constant is not docstring:
                self.value(constant, package)


def _package(thing: Any) -> str:
    return (getattr(thing, "__module__", None) or "").partition(".")[0]


def _functions(member: Any) -> list[types.FunctionType]:
    """The functions behind what stands in a class."""
    if isinstance(member, property):
        found: list[Any] = [member.fget, member.fset]
    elif isinstance(member, functools.cached_property):
        found = [member.func]
    else:
        found = [getattr(member, "__func__", member)]
    return [one for one in found if isinstance(one, types.FunctionType)]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:
        # Nothing was put into it yet.
        return None


def _order(value: Any) -> str:
    """Sorts members of a set alike in every process: reprs of functions have addresses."""
    return str(getattr(value, "__qualname__", repr(value)))


def _names(code: types.CodeType) -> list[str]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return [*code.co_names, *(name for c in inner for name in _names(c))]


def _docstring(code: types.CodeType) -> object:
    """The constant that is the docstring, None without one."""
    first = code.co_consts[0] if code.co_consts else None
    if sys.version_info >= (3, 13):
        return first if code.co_flags & 0x4000000 else None
    # Lambdas and comprehensions ("<…>") have none, whatever their first constant is.
    return first if isinstance(first, str) and not code.co_name.startswith("<") else None
