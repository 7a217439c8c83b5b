"""Who did what, when, and why."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from twofold.http.console.addresses import address
from twofold.http.console.document_pages import whole
from twofold.http.console.frame import Frame
from twofold.http.pages.visit import Visit
from twofold.runtime.audit import AuditTrail

_SIZE = 100
_MOST_VERSIONS = 100_000_000


class AuditPages:
    """The audit trail."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._trail = AuditTrail(frame.system)

    def routes(self) -> list[Route]:
        """Its address."""
        return [self._frame.served("/audit", self.show)]

    async def show(self, visit: Visit) -> Response:
        """The newest first. Raises InvalidInput."""
        before = whole(visit, "before", 0, _MOST_VERSIONS)
        page = await self._trail.page(before, _SIZE)
        where = f"{self._frame.base(visit)}/audit"
        values = {
            "page": page,
            "following": page.next_cursor and address(where, {}, before=page.next_cursor),
            "first": where if before else "",
        }
        return self._frame.page(visit, "audit.html", values)
