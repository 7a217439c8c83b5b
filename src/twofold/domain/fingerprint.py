"""A fingerprint of code: it changes when what the code computes may have changed."""

from __future__ import annotations

import hashlib
import types
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

_PLAIN = (str, int, float, bool, bytes, tuple, frozenset, type(None))


def fingerprint(functions: Iterable[Callable[..., Any]], shapes: Iterable[type]) -> str:
    """16 hex digits over the functions, what they call in their own package, and the shapes.

    It is stable over comments, formatting and restarts. A new Python version may change it.
    """
    digest = hashlib.sha256()
    seen: set[int] = set()
    for function in functions:
        _add_function(digest, function, seen)
    for shape in shapes:
        digest.update(msgspec.json.encode(msgspec.json.schema(shape), order="deterministic"))
    return digest.hexdigest()[:16]


def _add_function(digest: Any, function: Callable[..., Any], seen: set[int]) -> None:
    code = getattr(function, "__code__", None)
    if code is None or id(code) in seen:
        return
    seen.add(id(code))
    _add_code(digest, code)
    package = function.__globals__.get("__name__", "").partition(".")[0]
    for name in _names(code):
        used = function.__globals__.get(name)
        if isinstance(used, types.FunctionType) and used.__module__.partition(".")[0] == package:
            _add_function(digest, used, seen)
        elif isinstance(used, (*_PLAIN, dict)):
            digest.update(f"{name}={_text(used)}".encode())
    for cell in getattr(function, "__closure__", None) or ():
        if isinstance(cell.cell_contents, types.FunctionType):
            _add_function(digest, cell.cell_contents, seen)


def _text(value: object) -> str:
    if isinstance(value, frozenset):
        return repr(sorted(map(repr, value)))
    if isinstance(value, types.FunctionType):
        return value.__qualname__
    if isinstance(value, dict):
        return repr([(_text(key), _text(item)) for key, item in value.items()])
    return (
        repr(value)
        if isinstance(value, _PLAIN)
        else getattr(value, "__qualname__", type(value).__qualname__)
    )


def _names(code: types.CodeType) -> list[str]:
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return [*code.co_names, *(name for c in inner for name in _names(c))]


def _add_code(digest: Any, code: types.CodeType) -> None:
    digest.update(code.co_code)
    digest.update(repr((code.co_names, code.co_varnames)).encode())
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            _add_code(digest, constant)
        elif not (isinstance(constant, str) and constant == code.co_consts[0]):
            digest.update(_text(constant).encode())
