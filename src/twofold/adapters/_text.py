"""Words and highlights, the same for every store.

Stores are given words that were cut and folded here, so that a text found in one is found in all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import msgspec

_WORD = re.compile(r"[^\W_]+")


def folded(text: str) -> str:
    """``text`` without case and without accents."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(c for c in decomposed if not unicodedata.combining(c)).casefold()


def words(text: str) -> list[str]:
    """The words of ``text``, folded."""
    return _WORD.findall(folded(text))


def highlighted(text: str, wanted: Sequence[str]) -> str | None:
    """``text`` as HTML with words found in ``<mark>``; None if none is. The last is a prefix."""
    parts, end, hit = [], 0, False
    for match in _WORD.finditer(text):
        if _matches(words(match.group()), wanted):
            hit = True
            parts += [escape(text[end : match.start()]), "<mark>", escape(match.group()), "</mark>"]
            end = match.end()
    return "".join([*parts, escape(text[end:])]) if hit else None


def _matches(found: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(word in wanted or word.startswith(wanted[-1]) for word in found)


def highlights(document: Any, names: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """For each of the named texts of a decoded document in which words were found."""
    found = {}
    for name in names:
        text = document.get(name)
        marked = highlighted(text, wanted) if isinstance(text, str) else None
        if marked is not None:
            found[name] = marked
    return found


def page_highlights(
    names: Sequence[str], text: str, documents: Sequence[bytes]
) -> Sequence[Mapping[str, str]]:
    """Highlights for each document of a page; nothing where nothing was searched."""
    wanted = words(text)
    if not wanted:
        return ()
    return [highlights(msgspec.json.decode(raw), names, wanted) for raw in documents]
