"""Signing in to the console, with a bearer token or as an account of the demonstration."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import NotFound, SignInRequired
from twofold.http.console.frame import COOKIE, MAY, ROOT, Frame
from twofold.http.pages.entrance import local
from twofold.http.pages.visit import Visit

_SESSION_SECONDS = 12 * 3600


class Entrance:
    """Pages for those who are nobody yet."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            Route(f"{ROOT}/sign-in", self.ask),
            Route(f"{ROOT}/sign-in", self.sign_in, methods=["POST"]),
            Route(f"{ROOT}/sign-out", self.sign_out, methods=["POST"]),
            Route(f"{ROOT}/static/{{mark}}/{{name}}", self._frame.static_files.answer),
        ]

    async def ask(self, request: Request) -> Response:
        """The form."""
        return self._form(await self._anybody(request))

    async def sign_in(self, request: Request) -> Response:
        """Begin a session, and go on where that was asked for."""
        visit = await self._anybody(request)
        fields = await visit.fields()
        security = self._frame.security
        account = fields.get("account", [""])[0]
        if account:
            if not security.demo or account not in security.accounts:
                raise NotFound("account", account)
            visit.sign_in(security, account)
        else:
            token = "".join(fields.get("token", [""])[0].split())
            try:
                MAY.check("the console", security.of_bearer(token))
            except SignInRequired as refusal:
                return self._form(visit, str(refusal), 422)
            # The account of a demonstration would go before it.
            visit.sign_out()
            visit.set_cookie(COOKIE, token, _SESSION_SECONDS)
        then = local(fields.get("then", [""])[0])
        base = self._frame.base(visit)
        return self._frame.see(visit, then.removeprefix(base) if then.startswith(base) else "")

    async def sign_out(self, request: Request) -> Response:
        """End it."""
        visit = await self._anybody(request)
        visit.set_cookie(COOKIE, "", 0)
        visit.sign_out()
        return self._frame.see(visit, "/sign-in")

    def _form(self, visit: Visit, error: str = "", status: int = 200) -> Response:
        security = self._frame.security
        accounts = security.accounts.values() if security.demo else ()
        values = {
            "accounts": [one for one in accounts if MAY.admits(one.caller)],
            "then": visit.parameter("then"),
            "error": error,
        }
        return self._frame.page(visit, "sign_in.html", values, status)

    async def _anybody(self, request: Request) -> Visit:
        try:
            return await self._frame.visit(request)
        except SignInRequired:
            return Visit.of_failed(request, self._frame.security)
