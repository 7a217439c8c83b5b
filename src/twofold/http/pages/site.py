"""Pages of an application: templates, static files, headers, and what every page is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from starlette.responses import HTMLResponse, Response

from twofold.domain.caller import Caller, Rule
from twofold.domain.projection import OneOf, PageOf
from twofold.errors import Forbidden, NotCaughtUp, SignInRequired
from twofold.http.pages.freshness import freshness_of_one
from twofold.http.pages.listing import Document, ListView, listed
from twofold.http.pages.pending import StillPending
from twofold.http.pages.rendering import environment
from twofold.http.pages.static_files import StaticFiles
from twofold.http.pages.subject import Subject
from twofold.http.pages.visit import HEADERS, Visit
from twofold.http.security import Security
from twofold.messages.value import Command, Query
from twofold.runtime.listing import Parameters
from twofold.runtime.queries import Answered
from twofold.runtime.sending import Done, Sent, replayed
from twofold.runtime.system import System
from twofold.wiring.routes import Route

# As long as somebody waits for a page without wondering.
_OUTCOME_SECONDS = 2.0
Menu = Sequence[tuple[str, str, frozenset[str]]]


class Site:
    """What the pages of one application have in common.

    ``menu`` lists entries as label, address and the roles they are for (none: everybody),
    ``badges`` gives states the look of their badge: accent, good, warn or bad.
    """

    def __init__(
        self,
        system: System,
        security: Security,
        templates: Path,
        menu: Menu,
        badges: Mapping[str, str],
    ) -> None:
        self.system = system
        self.security = security
        self._menu = menu
        self.static_files = StaticFiles()
        self._environment = environment(templates, system.clock.now)
        self._environment.globals |= {"static": self.static_files.address, "badges": badges}

    def page(
        self, visit: Visit, template: str, values: Mapping[str, Any], status: int = 200
    ) -> Response:
        """A page. ``values`` are for the template."""
        application = self.system.application
        text = self._environment.get_template(template).render(
            site={"title": application.title, "accent": application.accent},
            menu=self.menu(visit.caller),
            caller=visit.caller,
            path=visit.request.url.path,
            **values,
        )
        return visit.finish(HTMLResponse(text, status, HEADERS))

    def menu(self, caller: Caller) -> list[tuple[str, str]]:
        """The entries for somebody; an entry without roles is for everyone."""
        return [(n, href) for n, href, roles in self._menu if not roles or roles & caller.roles]

    async def send(self, visit: Visit, command: Command, key: str) -> Done:
        """Handle a command of the visitor's, once per ``key``.

        Raises as ``System.send`` does, and StillPending where commands are decided later and that
        takes longer than somebody waits for a page.
        """
        sent = Sent(caller=visit.caller, key=key)
        queued = self.system.queued
        if not queued.asynchronous:
            return await self.system.send(command, sent)
        command_id = await queued.accept(command, sent)
        record = await queued.outcome(command_id, _OUTCOME_SECONDS)
        if record is None:
            raise StillPending(command_id)
        created = self.system.wired.handlings[type(command)].begins
        return msgspec.structs.replace(replayed(record, "", "", key), created=created)

    async def ask(self, visit: Visit, query: Query[Any]) -> Answered[Any]:
        """Answer a query of the visitor's, rather stale than not. Raises as ``System.ask`` does."""
        asked = await visit.asked(self.system)
        try:
            return await self.system.ask(query, asked)
        except NotCaughtUp:
            visit.late = True
            found = await self.system.ask(query, msgspec.structs.replace(asked, token=""))
            return msgspec.structs.replace(found, stale=True)

    async def one(self, visit: Visit, path: str, key: str) -> Document:
        """The document that GET ``path`` answers, or an older state of it, marked as such.

        Raises NotFound and who-may errors.
        """
        route = self._route(path, OneOf)
        found = await self.system.queries.one(route, key, await visit.asked(self.system))
        visit.late |= found.stale
        live = route.target.projection.name  # type: ignore[union-attr]
        fresh = freshness_of_one(self.system, live, found)
        return Document(msgspec.json.decode(found.answer), fresh, live)

    def live(self, path: str) -> str:
        """The projection that tells of changes of the document that GET ``path`` answers."""
        name: str = self._route(path, OneOf).target.projection.name  # type: ignore[union-attr]
        return name

    async def page_of(
        self,
        visit: Visit,
        path: str,
        *,
        facets: str = "",
        fixed: Parameters | None = None,
        sort: tuple[str, str] | None = None,
    ) -> ListView:
        """The list that GET ``path`` answers to the parameters of the visitor's address.

        ``fixed`` are parameters that the page sets, ``sort`` (field, direction) is the order where
        the address names none. Raises InvalidInput and who-may errors.
        """
        route, given = self._route(path, PageOf), visit.parameters()
        return await listed(self.system, route, visit, given, facets, fixed or {}, sort)

    async def items(self, visit: Visit, path: str, parameters: Parameters) -> ListView:
        """The list that GET ``path`` answers to ``parameters``, whatever the address says."""
        return await listed(self.system, self._route(path, PageOf), visit, {}, "", parameters)

    def may(self, command: type[Command], caller: Caller, *, owner: bool) -> bool:
        """Whether the caller may send such a command at all, the thing being theirs or not."""
        rules = [route.may for route in self.system.wired.routes if route.target is command]
        return any(_admits(rule, caller, owner=owner) for rule in rules)

    def need(self, command: type[Command], caller: Caller, doing: str, *, owner: bool) -> None:
        """Raises SignInRequired or Forbidden unless the caller may send such a command."""
        if not caller.subject:
            raise SignInRequired(doing)
        if not self.may(command, caller, owner=owner):
            rules = [
                route.may.text for route in self.system.wired.routes if route.target is command
            ]
            raise Forbidden(doing, " or ".join(rules))

    def seen(
        self,
        visit: Visit,
        subject: Subject,
        identity: str,
        what: str,
        done: Done,
        shown: Mapping[str, str],
    ) -> Response:
        """Go and look at what was just done; it is remembered until it is seen there."""
        deed = visit.deed(self.system, subject.kind, identity, what, done, shown)
        return visit.see(subject.where(identity), self.system, deed)

    def new_key(self) -> str:
        """Made with a form, so that sending the form twice is one command."""
        return self.system.chance.new_id(self.system.clock.now())

    def _route(self, path: str, kind: type[OneOf] | type[PageOf]) -> Route:
        """The query that is served at ``path``; a page rather shows what there is, and says so."""
        (route,) = (
            route
            for route in self.system.wired.routes
            if route.path == path and isinstance(route.target, kind)
        )
        return msgspec.structs.replace(route, when_behind="serve-stale")


def _admits(rule: Rule, caller: Caller, *, owner: bool) -> bool:
    try:
        limited = rule.check("a step", caller)
    except (Forbidden, SignInRequired):
        return False
    return owner or not limited
