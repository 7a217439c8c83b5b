"""The framework names that a reader of an implementation has to know."""

import ast
import sys
from collections.abc import Iterable
from pathlib import Path

# What every Python developer brings along; the same for all implementations.
_KNOWN = {"pytest", *sys.stdlib_module_names}


def listed(text: str) -> list[str]:
    """The names in a `concepts.txt`: one on a line, `#` starts a comment."""
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]


def imported(source: str, own_modules: set[str]) -> set[str]:
    """The names that a file imports from frameworks."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and _is_framework(node.module or "", own_modules):
            found.update(alias.name for alias in node.names)
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
            found.update(name for name in names if _is_framework(name, own_modules))
    return found


def used(source: str) -> set[str]:
    """Every identifier, attribute, keyword and whole string that occurs in a file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                found.add(name)
            case ast.keyword(arg=str(name)) | ast.Constant(value=str(name)):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                found.add(name)
    return found


def problems(concepts: list[str], sources: Iterable[Path]) -> list[str]:
    """What is wrong with a hand-kept list: a name unused, missing or listed twice."""
    texts = [path.read_text() for path in sources]
    own = {path.stem for path in sources}
    names = [concept.rpartition(".")[2] for concept in concepts]
    all_used = set[str]().union(*(used(text) for text in texts))
    all_imported = set[str]().union(*(imported(text, own) for text in texts))
    return [
        *(f"{name} is listed but not used" for name in sorted(set(names) - all_used)),
        *(f"{name} is imported but not listed" for name in sorted(all_imported - set(names))),
        *(f"{name} is listed twice" for name in sorted(set(concepts)) if concepts.count(name) > 1),
    ]


def _is_framework(module: str, own_modules: set[str]) -> bool:
    return module.partition(".")[0] not in _KNOWN | own_modules
