"""Modules and applications: tables of contents of everything that can be done."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeAlias

import msgspec

from twofold.domain.aggregate import Aggregate
from twofold.domain.caller import Caller
from twofold.domain.inbox import Inbox
from twofold.domain.process import Process
from twofold.domain.projection import Handwritten, Projection
from twofold.domain.signatures import caller_place
from twofold.errors import Refused
from twofold.wiring.routes import Route

Part: TypeAlias = Aggregate[Any] | Projection[Any] | Handwritten | Process[Any] | Inbox | Route


class Module:
    """A part of the business: its aggregates, projections, processes, inboxes and routes."""

    def __init__(self, name: str, *parts: Part) -> None:
        self.name = name
        self.parts = parts
        self.declared_at = caller_place()


class Account(msgspec.Struct, frozen=True):
    """A demo account: who is signed in by choosing it."""

    account: str
    name: str
    roles: tuple[str, ...]

    @property
    def caller(self) -> Caller:
        """The account as a caller."""
        return Caller(self.account, self.name, frozenset(self.roles))


class Application:
    """Modules under one name, with what the edges need.

    ``problems`` maps refusals of the application's own to HTTP statuses (others: 409). ``pages``
    receives the running system and returns Starlette routes. ``accounts`` can be chosen in demo
    mode, where ``sample`` fills an empty system with sample data.
    """

    def __init__(
        self,
        name: str,
        *modules: Module,
        title: str = "",
        accent: str = "",
        accounts: tuple[Account, ...] = (),
        problems: Mapping[type[Refused], int] | None = None,
        pages: Callable[[Any], Any] | None = None,
        sample: Callable[[Any], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self.modules = modules
        self.title = title or name.capitalize()
        self.accent = accent
        self.accounts = accounts
        self.problems = dict(problems or {})
        self.pages = pages
        self.sample = sample
        self.declared_at = caller_place()
