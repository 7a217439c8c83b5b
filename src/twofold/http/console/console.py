"""All pages of the console, as one application."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from twofold.errors import NotFound, TwofoldError
from twofold.http.console.audit_page import AuditPages
from twofold.http.console.cause_pages import CausePages
from twofold.http.console.document_pages import DocumentPages
from twofold.http.console.entrance import Entrance
from twofold.http.console.frame import ROOT, Frame
from twofold.http.console.message_pages import MessagePages
from twofold.http.console.objective_pages import ObjectivePages
from twofold.http.console.overview import Overview
from twofold.http.console.parked_pages import ParkedPages
from twofold.http.console.process_pages import ProcessPages
from twofold.http.console.version_pages import VersionPages
from twofold.http.exchange import Exchange
from twofold.http.rejections import MethodNotAllowed
from twofold.http.security import Security
from twofold.runtime.system import System


class Console:
    """Serves /console of one system."""

    def __init__(self, system: System, security: Security) -> None:
        self._frame = frame = Frame(system, security)
        self._overview = Overview(frame)
        self._versions = VersionPages(frame)
        parts = (
            Entrance(frame),
            self._overview,
            ObjectivePages(frame),
            ParkedPages(frame),
            self._versions,
            DocumentPages(frame),
            CausePages(frame),
            ProcessPages(frame),
            MessagePages(frame),
            AuditPages(frame),
        )
        self._pages = Starlette(
            routes=[route for part in parts for route in part.routes()],
            exception_handlers={
                TwofoldError: frame.problem,
                404: self._nowhere,
                405: self._no_page,
                Exception: frame.problem,
            },
        )

    def serves(self, path: str) -> bool:
        """Whether a path is one of the console's."""
        return path == ROOT or path.startswith(f"{ROOT}/")

    async def __call__(self, exchange: Exchange) -> None:
        """Answer a request."""
        await self._pages(exchange.scope, exchange.receive, exchange.pass_on)

    async def close(self) -> None:
        """Wait for no answer any more."""
        await self._overview.close()
        await self._versions.close()

    async def _nowhere(self, request: Request, _: Exception) -> Response:
        return await self._frame.problem(request, NotFound("page", request.url.path))

    async def _no_page(self, request: Request, error: Exception) -> Response:
        # Where a form leads, opened as a page: by a bookmark, or after a reload without scripts.
        assert isinstance(error, HTTPException)
        allowed = (error.headers or {}).get("Allow", "")
        refused = MethodNotAllowed(request.method, tuple(allowed.split(", ")))
        response = await self._frame.problem(request, refused)
        response.headers["allow"] = allowed
        return response
