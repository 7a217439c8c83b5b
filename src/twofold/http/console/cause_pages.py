"""Where something came from and what came of it: the tree of a request."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from twofold.http.console.frame import Frame
from twofold.http.pages.visit import Visit
from twofold.runtime.explaining.causes import Causes

_NEWEST = 20


class CausePages:
    """Trees of causation."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._causes = Causes(frame.system)

    def routes(self) -> list[Route]:
        """Their address."""
        return [self._frame.served("/causes", self.show)]

    async def show(self, visit: Visit) -> Response:
        """The tree of a position or an id (``event``, ``q``), or the newest events to choose from.

        Raises NotFound.
        """
        asked = visit.parameter("event") or visit.parameter("q")
        values: dict[str, Any] = {"asked": asked, "tree": None, "newest": []}
        if asked:
            values["tree"] = await self._causes.find(asked)
        else:
            log = self._frame.system.log
            newest = await log.read(max(0, await log.head() - _NEWEST), _NEWEST)
            values["newest"] = list(reversed(newest))
        return self._frame.page(visit, "causes.html", values)
