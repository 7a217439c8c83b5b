"""Why does this row look so: the history of a document, fold by fold."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import InvalidInput, NotFound, Problem
from twofold.http.console.addresses import address
from twofold.http.console.frame import Frame
from twofold.http.pages.visit import Visit
from twofold.runtime.explaining.history import LOOKED_THROUGH, DocumentHistory
from twofold.runtime.nearest import nearest
from twofold.wiring.foldings import Folding

_SIZE = 25
_KEYS = 50
_LARGEST = 1_000_000


class DocumentPages:
    """Read models, their documents, and how these came about."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._history = DocumentHistory(frame.system)

    def routes(self) -> list[Route]:
        """Their address."""
        return [self._frame.served("/documents", self.show)]

    async def show(self, visit: Visit) -> Response:
        """The history of one, or the documents there are. Raises NotFound, InvalidInput."""
        projection, key = visit.parameter("projection"), visit.parameter("key")
        if projection and key:
            return await self._one(visit, projection, key)
        if key:
            raise InvalidInput([Problem("projection", "choose one")])
        return await self._choose(visit, projection)

    async def _one(self, visit: Visit, projection: str, key: str) -> Response:
        page = whole(visit, "page", 0, 1_000_000)
        looked = whole(visit, "events", LOOKED_THROUGH, _LARGEST)
        found = await self._history.show(
            projection, key, page=page, size=_SIZE, look_through=max(1, looked)
        )
        where, given = f"{self._frame.base(visit)}/documents", {"projection": projection}
        given |= {"key": key, "events": str(looked) if looked != LOOKED_THROUGH else ""}
        values: dict[str, Any] = {
            "found": found,
            "newer": address(where, given, page=str(page - 1)) if page else "",
            "older": address(where, given, page=str(page + 1))
            if (page + 1) * _SIZE < found.total
            else "",
            "further": ""
            if found.looked.whole or looked >= _LARGEST
            else address(where, given, events=str(min(looked * 10, _LARGEST))),
        }
        return self._frame.page(visit, "document.html", values)

    async def _choose(self, visit: Visit, projection: str) -> Response:
        system = self._frame.system
        known = [one.name for one in system.appliers if isinstance(one.projection, Folding)]
        if projection and projection not in known:
            raise NotFound("read model", projection, nearest(projection, known))
        after = visit.parameter("after")
        keys: list[str] = []
        if projection:
            table = system.tables[projection]
            rows = await system.read_store.rows(table, after or None, _KEYS)
            keys = [row.key for row in rows]
        where = f"{self._frame.base(visit)}/documents"
        values = {
            "projections": known,
            "projection": projection,
            "keys": keys,
            "after": after,
            "following": address(where, {"projection": projection}, after=keys[-1])
            if len(keys) == _KEYS
            else "",
        }
        return self._frame.page(visit, "documents.html", values)


def whole(visit: Visit, name: str, default: int, most: int) -> int:
    """A parameter that is a whole number. Raises InvalidInput."""
    text = visit.parameter(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) <= most):
        raise InvalidInput([Problem(name, f"a whole number up to {most:,}")])
    return int(text)
