"""What is counted in the sources as they stand."""

import ast
import io
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

# Tokens that do not make a line a line of code.
_SILENT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.ENDMARKER,
}


def is_test(file: str) -> bool:
    """Whether a file, by its name, holds tests."""
    return file.startswith(("test_", "conftest"))


def code_lines(source: str) -> int:
    """Lines that hold something else than blanks and comments; docstrings count."""
    held: set[int] = set()
    for token in _tokens(source):
        if token.type not in _SILENT:
            held.update(range(token.start[0], token.end[0] + 1))
    return len(held)


def mentions(source: str, field: str) -> int:
    """How often a field's name is written: as an identifier, as a string, in an f-string."""
    return sum(_mentions_in(token, field) for token in _tokens(source))


def total_lines(paths: Iterable[Path]) -> int:
    return sum(code_lines(path.read_text()) for path in paths)


def total_mentions(paths: Iterable[Path], field: str) -> int:
    return sum(mentions(path.read_text(), field) for path in paths)


def _tokens(source: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(source).readline)


def _mentions_in(token: tokenize.TokenInfo, field: str) -> int:
    if token.type == tokenize.NAME:
        return int(token.string == field)
    if token.type != tokenize.STRING:
        return 0
    written = ast.parse(token.string.strip(), mode="eval").body
    if isinstance(written, ast.Constant):
        return int(written.value == field)
    return sum(_names(node, field) for node in ast.walk(written))


def _names(node: ast.AST, field: str) -> int:
    named = node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)
    return int(named == field)
