"""Which classes the code of a function names, directly or through functions of its package."""

from __future__ import annotations

import types
from collections.abc import Callable, Iterator
from typing import Any


def classes_named(function: Callable[..., Any], kind: type) -> list[type]:
    """Subclasses of ``kind`` that ``function`` names, in the order in which they are found.

    What is reached by other ways (a dict, an argument) is not seen.
    """
    found: dict[type, None] = {}
    for value in _values(function, function.__module__.partition(".")[0], set()):
        if isinstance(value, type) and issubclass(value, kind) and value is not kind:
            found.setdefault(value)
    return list(found)


def _values(function: Any, package: str, seen: set[int]) -> Iterator[Any]:
    """Everything named by the function's code and by that of the functions it names."""
    if not isinstance(function, types.FunctionType) or id(function) in seen:
        return
    seen.add(id(function))
    if function.__module__.partition(".")[0] != package:
        return
    names = set(_names(function.__code__))
    for value in (*_globals(function, names), *_closed_over(function)):
        yield value
        yield from _values(value, package, seen)


def _globals(function: types.FunctionType, names: set[str]) -> Iterator[Any]:
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        yield value
        if isinstance(value, types.ModuleType):
            # ``contracts.HoldPlace`` names a module and something in it.
            yield from (vars(value)[inner] for inner in sorted(names & vars(value).keys()))


def _closed_over(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:
            # Nothing was put into it yet.
            continue


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
