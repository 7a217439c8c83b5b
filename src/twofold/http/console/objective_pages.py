"""How fresh answers are, and what is left of the error budgets."""

from __future__ import annotations

from starlette.responses import Response
from starlette.routing import Route

from twofold.http.console.frame import Frame
from twofold.http.console.lag_chart import span
from twofold.http.pages.visit import Visit
from twofold.runtime.freshness.desk import ObjectivesDesk


class ObjectivePages:
    """The freshness objectives."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._desk = ObjectivesDesk(frame.system)

    def routes(self) -> list[Route]:
        """Its address."""
        return [self._frame.served("/freshness", self.show)]

    async def show(self, visit: Visit) -> Response:
        """All of them, or that of one query by days. Raises NotFound."""
        query = visit.parameter("query")
        page = await self._desk.look(query)
        values = {"page": page, "chosen": page.items[0] if query else None, "span": span}
        return self._frame.page(visit, "freshness.html", values)
