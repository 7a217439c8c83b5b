"""Fields by their names, where an application's functions make values.

Python finds a misspelt field when the line runs, which may be long after the start, and a text in
an enum's place never. Type checkers see both at once; this is for whoever runs none. What can't be
told from the source alone (values made through variables, ``**`` of anything) is left alone.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from msgspec.structs import FieldInfo
from msgspec.structs import fields as struct_fields

from twofold.errors import Mistake
from twofold.messages.shapes import plain_types
from twofold.messages.value import Value

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_Scope = Mapping[str, ast.expr | None]
# What statements stand in, and what no call stands in.
_HOLDERS = (ast.stmt, ast.ExceptHandler, ast.match_case)
_LEAVES = (ast.Name, ast.Constant, ast.expr_context, ast.operator, ast.cmpop)
_PLAIN = (str, int, float, bool, bytes, Decimal, datetime, date)


def check_spelling(functions: Iterable[Callable[..., Any]], problems: list[Mistake]) -> None:
    """Look at ``functions`` and what they call in their package; mistakes go to ``problems``."""
    sources: dict[str, str] = {}
    for function in _reached(functions):
        code = function.__code__
        file = code.co_filename
        if file not in sources:
            sources[file] = _source(file)
        for call, scope in _calls_of(sources[file], code.co_firstlineno):
            problems += _Making(file, call, function.__globals__, scope).mistakes()


def _reached(functions: Iterable[Callable[..., Any]]) -> list[types.FunctionType]:
    waiting = [inspect.unwrap(function) for function in functions]
    found: dict[types.CodeType, types.FunctionType] = {}
    while waiting:
        function = waiting.pop()
        if isinstance(function, types.FunctionType) and function.__code__ not in found:
            found[function.__code__] = function
            named = (function.__globals__.get(name) for name in function.__code__.co_names)
            waiting += [one for one in named if _package(one) == _package(function)]
    return list(found.values())


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", "")).partition(".")[0]


def _source(file: str) -> str:
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        # Code without its source, such as a notebook's: then nothing can be told.
        return ""


@lru_cache(4_096)
def _calls_of(source: str, line: int) -> Sequence[tuple[ast.Call, _Scope]]:
    """The calls within the function that begins there; they depend on nothing but the source."""
    node = _parsed(source).get(line)
    return () if node is None else tuple(_calls(node, {}))


@lru_cache(256)
def _parsed(source: str) -> Mapping[int, ast.AST]:
    """The functions of a file by their first line, decorators included."""
    try:
        module = ast.parse(source)
    except SyntaxError:
        return {}
    return {
        min([node.lineno, *(one.lineno for one in node.decorator_list)]): node
        for node in _statements(module)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _statements(module: ast.Module) -> Iterator[ast.AST]:
    """All statements, at any depth: functions stand nowhere else, and expressions are many."""
    waiting: list[ast.AST] = [module]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [one for one in ast.iter_child_nodes(node) if isinstance(one, _HOLDERS)]


def _calls(node: ast.AST, scope: _Scope) -> Iterator[tuple[ast.Call, _Scope]]:
    """Every call, and the names that mean something else there than in the module.

    Such a name comes with its annotation, if it is a parameter that has one.
    """
    if isinstance(node, _Function):
        scope = {**scope, **_locals(node)}
    if isinstance(node, ast.Call):
        yield node, scope
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, _LEAVES):
            yield from _calls(child, scope)


def _locals(function: _Function) -> dict[str, ast.expr | None]:
    assigned = (
        one.id
        for one in ast.walk(function)
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    )
    found: dict[str, ast.expr | None] = dict.fromkeys(assigned)
    given = function.args
    for parameter in (*given.posonlyargs, *given.args, *given.kwonlyargs):
        found[parameter.arg] = parameter.annotation
    return found


class _Making:
    """One call that may make a value: ``Class(…)``, ``Class.of(…)`` or ``parameter.but(…)``."""

    def __init__(
        self,
        file: str,
        call: ast.Call,
        names: Mapping[str, Any],
        scope: _Scope,
    ) -> None:
        self._file = file
        self._call = call
        self._names = names
        self._scope = scope
        self._whole = False
        self._class = self._made()

    def mistakes(self) -> Iterator[Mistake]:
        """What is wrong with its keywords."""
        if self._class is None or (known := _fields(self._class)) is None:
            return
        name = self._class.__name__
        given = {keyword.arg: keyword.value for keyword in self._call.keywords if keyword.arg}
        for field, value in given.items():
            if field not in known:
                yield self._at(value, f"{name} has no field {field}; {_hint(field, known)}")
            elif isinstance(value, ast.Constant) and not _fits(value.value, known[field].type):
                kind = " or ".join(one.__name__ for one in plain_types(known[field].type))
                yield self._at(value, f"{name}.{field} takes {kind}, not {value.value!r}")
        missing = [field for field in known.keys() - given.keys() if known[field].required]
        if self._whole and missing and len(given) == len(self._call.keywords):
            yield self._at(self._call, f"nothing gives {name} its {', '.join(sorted(missing))}")

    def _made(self) -> type[Value] | None:
        called = self._call.func
        made = self._class_named(called, self._scope)
        if made is not None:
            self._whole = not self._call.args
            return made
        if not isinstance(called, ast.Attribute):
            return None
        if called.attr == "of":
            return self._class_named(called.value, self._scope)
        if called.attr == "but" and isinstance(called.value, ast.Name):
            return self._annotated(self._scope.get(called.value.id))
        return None

    def _annotated(self, annotation: ast.expr | None) -> type[Value] | None:
        if isinstance(annotation, ast.BinOp):
            either = (self._annotated(annotation.left), self._annotated(annotation.right))
            found = [one for one in either if one is not None]
            return found[0] if len(found) == 1 else None
        # Annotations are read in the module's scope, whatever the function calls its parameters.
        return self._class_named(annotation, {}) if annotation is not None else None

    def _class_named(self, node: ast.expr, scope: _Scope) -> type[Value] | None:
        match node:
            case ast.Name(id=name) if name not in scope:
                found = self._names.get(name)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if (
                name not in scope and inspect.ismodule(self._names.get(name))
            ):
                found = getattr(self._names[name], attribute, None)
            case _:
                return None
        return found if isinstance(found, type) and issubclass(found, Value) else None

    def _at(self, node: ast.expr, message: str) -> Mistake:
        return Mistake(message, self._file, node.lineno)


@lru_cache(1_024)
def _fields(cls: type[Value]) -> Mapping[str, FieldInfo] | None:
    try:
        return {field.name: field for field in struct_fields(cls)}
    except NameError:
        # An annotation that can't be read is told of where the class is used.
        return None


def _hint(field: str, known: Mapping[str, FieldInfo]) -> str:
    near = difflib.get_close_matches(field, known, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known) or 'none'}"


def _fits(constant: object, annotation: Any) -> bool:
    """Whether a constant can stand for a value of this type, as far as that can be told."""
    kinds = plain_types(annotation)
    told = [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, (*_PLAIN, Enum))]
    if constant is None or len(told) < len(kinds):
        return True
    if isinstance(constant, int) and float in told:
        return True
    # An enum of texts is a text, but a text is not one of the enum.
    return any(type(constant) is kind or _is_plainly(constant, kind) for kind in told)


def _is_plainly(constant: object, kind: type) -> bool:
    return not issubclass(kind, Enum) and isinstance(constant, kind)
