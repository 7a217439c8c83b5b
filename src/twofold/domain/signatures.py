"""What a function's annotations say, and where it stands in the source."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from twofold.errors import Mistake

# One start asks for most annotations several times, and tests start the same code again and again.
_KNOWN = 8_192


def place(thing: Any) -> tuple[str, int]:
    """File and line at which a function or class begins ("" and 0 if unknown)."""
    code = getattr(inspect.unwrap(thing) if callable(thing) else thing, "__code__", None)
    if code is not None:
        return code.co_filename, code.co_firstlineno
    try:
        return inspect.getsourcefile(thing) or "", inspect.getsourcelines(thing)[1]
    except (OSError, TypeError):
        return "", 0


def mistake(message: str, thing: Any) -> Mistake:
    """A mistake located at ``thing``."""
    return Mistake(message, *place(thing))


def caller_place(depth: int = 2) -> tuple[str, int]:
    """File and line of the declaration being executed ``depth`` frames up."""
    frame = inspect.currentframe()
    for _ in range(depth):
        frame = frame.f_back if frame else None
    return (frame.f_code.co_filename, frame.f_lineno) if frame else ("", 0)


@lru_cache(_KNOWN)
def hints(thing: Any) -> Mapping[str, Any]:
    """Annotations with names resolved. Raises NameError as Python does."""
    return types.MappingProxyType(get_type_hints(thing, include_extras=True))


@lru_cache(_KNOWN)
def parameters(function: Callable[..., Any]) -> tuple[tuple[str, Any], ...]:
    """Names and annotations (``Any`` where there is none) of positional parameters."""
    known = hints(function)
    return tuple(
        (name, known.get(name, Any))
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
    )


def bare(annotation: Any) -> Any:
    """The annotation without ``Annotated``."""
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def marks(annotation: Any) -> tuple[Any, ...]:
    """Everything that ``Annotated`` attaches, at any depth of unions and nesting."""
    if get_origin(annotation) is Annotated:
        inner, *extra = get_args(annotation)
        return (*marks(inner), *extra)
    if is_union(annotation):
        return tuple(mark for member in get_args(annotation) for mark in marks(member))
    return ()


def is_union(annotation: Any) -> bool:
    """Whether it is ``A | B`` or ``Optional[A]``."""
    return get_origin(annotation) in (Union, types.UnionType)


def members(annotation: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type."""
    annotation = bare(annotation)
    if is_union(annotation):
        return tuple(m for member in get_args(annotation) for m in members(member))
    return (annotation,)


def optional(annotation: Any) -> bool:
    """Whether None is among the members."""
    return type(None) in members(annotation) or annotation is None or annotation is Any


def classes_within(annotation: Any, base: type) -> tuple[type, ...]:
    """All subclasses of ``base`` that appear anywhere in the annotation, in order."""
    annotation = bare(annotation)
    if isinstance(annotation, type) and issubclass(annotation, base):
        return (annotation,)
    found: list[type] = []
    for argument in get_args(annotation):
        found += [c for c in classes_within(argument, base) if c not in found]
    return tuple(found)
