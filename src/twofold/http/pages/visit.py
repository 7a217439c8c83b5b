"""One request for a page: who asks, what they ask of freshness, what they did lately."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from twofold.domain.caller import NOBODY
from twofold.errors import SignInRequired
from twofold.http.exchange import Exchange
from twofold.http.pages.freshness import Freshness
from twofold.http.pages.pending import (
    COOKIE,
    KEPT_SECONDS,
    Deed,
    Pending,
    not_shown,
    remember,
    remembered,
)
from twofold.http.rejections import ForeignOrigin
from twofold.http.security import SESSION, Security, check_origin
from twofold.http.tokens import asked, give_token
from twofold.runtime.queries import Asked
from twofold.runtime.sending import Done
from twofold.runtime.system import System

HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cache-control": "no-store",
}
# Better to show what is known, and to say so, than to make somebody wait.
_WAIT_SECONDS = 0.3
_LARGEST_FORM_BYTES = 1024 * 1024


class Visit:
    """One request for a page. ``late`` once a query was not up to date: no other one waits then."""

    def __init__(self, request: Request, exchange: Exchange) -> None:
        self.late = False
        self.request = request
        self.caller = exchange.caller
        self._exchange = exchange
        self._fields: dict[str, list[str]] | None = None

    @classmethod
    def of(cls, request: Request, security: Security) -> Visit:
        """The visit of a request. Raises ForeignOrigin for a form of another site."""
        exchange = Exchange(request.scope, request.receive, _unsent)
        exchange.caller = security.identify(exchange)
        if request.method == "POST":
            check_origin(exchange)
        return cls(request, exchange)

    @classmethod
    def of_failed(cls, request: Request, security: Security) -> Visit:
        """The visit of a request that went wrong; who can't be identified is nobody."""
        exchange = Exchange(request.scope, request.receive, _unsent)
        try:
            exchange.caller = security.identify(exchange)
        except (SignInRequired, ForeignOrigin):
            exchange.caller = NOBODY
        return cls(request, exchange)

    def cookie(self, name: str) -> str:
        """A cookie's value, "" if absent."""
        return self._exchange.cookie(name)

    def parameters(self) -> dict[str, list[str]]:
        """The parameters of the address, without those left empty in a form."""
        return {
            name: filled
            for name, values in self._exchange.query().items()
            if (filled := [value for value in values if value])
        }

    def parameter(self, name: str) -> str:
        """One parameter of the address, "" if absent."""
        return self.parameters().get(name, [""])[0]

    def named(self, name: str) -> str:
        """A part of the address's path."""
        part: str = self.request.path_params[name]
        return part

    async def asked(self, system: System) -> Asked:
        """What to ask of queries."""
        found = await asked(self._exchange, system)
        return msgspec.structs.replace(found, wait_seconds=0.0 if self.late else _WAIT_SECONDS)

    async def fields(self) -> dict[str, list[str]]:
        """The fields of a form. Raises BodyTooLarge."""
        if self._fields is None:
            body = await self._exchange.body(_LARGEST_FORM_BYTES)
            self._fields = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
        return self._fields

    def see(self, where: str, system: System, deed: Deed | None = None) -> Response:
        """Go and look there; what was just done is remembered until it is seen there."""
        if deed is not None and deed.position:
            give_token(self._exchange, system, deed.position)
            cookie = remember(self.cookie(COOKIE), deed)
            self._exchange.set_cookie(COOKIE, cookie, seconds=KEPT_SECONDS)
        return self.finish(RedirectResponse(where, 303, HEADERS))

    def has_done(self, system: System, position: int) -> None:
        """What the visitor did reaches up to ``position``; their pages show it from now on."""
        if position:
            give_token(self._exchange, system, position)

    async def pending(
        self, system: System, projection: str, kind: str, fresh: Freshness, identity: str = ""
    ) -> list[Pending]:
        """What the visitor did that ``fresh`` does not contain yet, the newest first.

        ``projection`` makes the documents that the visitor's deeds are about.
        """
        now = system.clock.now()
        deeds = remembered(self.cookie(COOKIE), kind, self.caller.subject, now, identity)
        waiting = {
            deed.identity: since
            for deed in deeds
            if (since := await system.queries.waits_from(projection, deed.identity))
        }
        return not_shown(deeds, waiting, now, fresh)

    def deed(
        self,
        system: System,
        kind: str,
        identity: str,
        what: str,
        done: Done,
        shown: Mapping[str, str] | None = None,
    ) -> Deed:
        """What the visitor just did, to be remembered; ``shown`` is known of its effect."""
        return Deed(
            kind=kind,
            identity=identity,
            what=what,
            position=done.position,
            by=self.caller.subject,
            at=system.clock.now(),
            new=done.created,
            shown=dict(shown or {}),
        )

    def set_cookie(self, name: str, value: str, seconds: int) -> None:
        """A cookie to be kept for some seconds; 0 removes it."""
        self._exchange.set_cookie(name, value, seconds=seconds)

    def sign_in(self, security: Security, account: str) -> None:
        """Start a session for a demo account."""
        security.start_session(self._exchange, security.accounts[account])

    def sign_out(self) -> None:
        """End the session."""
        self._exchange.set_cookie(SESSION, "", seconds=0)

    def finish(self, response: Response) -> Response:
        """The response with the cookies set meanwhile."""
        for name, value in self._exchange.added:
            response.raw_headers.append((name, value))
        return response


async def _unsent(_: Any) -> None:
    raise AssertionError("pages answer through Starlette")
