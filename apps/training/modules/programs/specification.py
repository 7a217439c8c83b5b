"""What a program's texts must be like before it is released: pure, and all failures at once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from training.modules.programs.contracts import Content, Shortcoming

LEAST_CHARACTERS = {"title": 5, "description": 100, "agenda": 200, "plan": 300}
LARGEST_SHARE = 0.2
_SHORT_WORD = 3

_HEADING_OR_BULLET = re.compile(r"^\s*(#{1,6}\s+\S|[-*•]\s*\S|\S.*:\s*$)", re.MULTILINE)
_STEP = re.compile(r"^\s*1\.|\b(step|phase|module|session)s?\b", re.MULTILINE | re.IGNORECASE)
_LEARNING = re.compile(
    r"\b(learn|understand|understood|master|appl(y|ies|ied)\b|demonstrat|analy[sz]|evaluat)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+")


def shortcomings(content: Content) -> tuple[Shortcoming, ...]:
    """Everything that keeps ``content`` from being released; empty if nothing does."""
    return tuple(Shortcoming(field=field, message=text) for field, text in _found(content))


def _found(content: Content) -> Iterator[tuple[str, str]]:
    for field, least in LEAST_CHARACTERS.items():
        length = len(content[field].strip())
        if length < least:
            yield field, f"needs at least {least} characters, it has {length}"
    if not content.categories:
        yield "categories", "needs at least one category"
    if not _HEADING_OR_BULLET.search(content.agenda):
        yield "agenda", "needs a heading (# Day one, or Day one:) or a bullet line (- …)"
    if not _STEP.search(content.plan):
        yield "plan", 'needs steps: a line that begins with "1.", or Step, Phase, Module, Session'
    if not _LEARNING.search(content.description):
        yield (
            "description",
            "must say what is learned: learn, understand, master, apply, demonstrate, analyse, "
            "evaluate",
        )
    for field in ("description", "agenda", "plan"):
        for word in _overused(content[field]):
            yield field, f"the word {word!r} makes up more than {LARGEST_SHARE:.0%} of it"


def _overused(text: str) -> list[str]:
    words = [word.lower() for word in _WORD.findall(text)]
    most = len(words) * LARGEST_SHARE
    counted = Counter(word for word in words if len(word) > _SHORT_WORD)
    return [word for word, count in counted.items() if count > most]
