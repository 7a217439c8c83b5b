"""Routes: how commands and queries are reached over HTTP, and who may."""

from __future__ import annotations

import re
from typing import TypeAlias

import msgspec

from twofold.domain.caller import Rule
from twofold.domain.projection import OneOf, PageOf
from twofold.domain.questions import Answering, Fresh, WhenBehind
from twofold.domain.signatures import caller_place
from twofold.messages.value import Command

Target: TypeAlias = type[Command] | PageOf | OneOf | Answering


class Route(msgspec.Struct, frozen=True):
    """One operation: ``method`` and ``path`` ("" = not over HTTP), what it does, who may.

    ``when_behind`` is what a query does when its read models have not reached the caller's
    consistency token in time: refuse (503), or serve what is there, marked as stale. ``fresh``:
    how fresh its answers are to be.
    """

    method: str
    path: str
    target: Target
    may: Rule
    when_behind: WhenBehind
    declared_at: tuple[str, int]
    fresh: Fresh | None = None

    @property
    def path_names(self) -> tuple[str, ...]:
        """The parameters in the path, as written (camelCase)."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def post(path: str, command: type[Command], *, may: Rule) -> Route:
    """A command sent by POST."""
    return Route("POST", path, command, may, "refuse", caller_place())


def put(path: str, command: type[Command], *, may: Rule) -> Route:
    """A command sent by PUT."""
    return Route("PUT", path, command, may, "refuse", caller_place())


def delete(path: str, command: type[Command], *, may: Rule) -> Route:
    """A command sent by DELETE."""
    return Route("DELETE", path, command, may, "refuse", caller_place())


def get(
    path: str,
    question: PageOf | OneOf | Answering,
    *,
    may: Rule,
    when_behind: WhenBehind = "refuse",
    fresh: Fresh | None = None,
) -> Route:
    """A query."""
    return Route("GET", path, question, may, when_behind, caller_place(), fresh)


def ask(
    path: str,
    question: Answering,
    *,
    may: Rule,
    when_behind: WhenBehind = "refuse",
    fresh: Fresh | None = None,
) -> Route:
    """A query that is too large for an address: its parameters come as the body of a POST."""
    return Route("POST", path, question, may, when_behind, caller_place(), fresh)


def internal(target: Target, *, may: Rule, fresh: Fresh | None = None) -> Route:
    """A command or query that is not reached over HTTP."""
    return Route("", "", target, may, "refuse", caller_place(), fresh)
