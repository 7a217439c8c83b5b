"""Process managers: their instances, timers, and those that are stuck."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from twofold.http.console.addresses import Chip, address
from twofold.http.console.document_pages import whole
from twofold.http.console.frame import Frame
from twofold.http.pages.visit import Visit
from twofold.runtime.processes.views import STATUSES, ProcessViews

_SIZE = 50
_MOST_VERSIONS = 100_000_000


class ProcessPages:
    """Processes, instances, and the steps of one."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._views = ProcessViews(frame.system)

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            self._frame.served("/processes", self.show),
            self._frame.served("/processes/instance", self.instance),
        ]

    async def show(self, visit: Visit) -> Response:
        """All processes, or the instances of one. Raises NotFound, InvalidInput."""
        process = visit.parameter("process")
        if not process:
            values: dict[str, Any] = {"processes": await self._views.processes()}
            return self._frame.page(visit, "processes.html", values)
        status, cursor = visit.parameter("status"), visit.parameter("cursor")
        page = await self._views.instances(process, cursor, _SIZE, status)
        where = f"{self._frame.base(visit)}/processes"
        given = {"process": process, "status": status}
        values = {
            "process": process,
            "page": page,
            "states": [
                Chip(one, None, address(where, given, status=one), one == status)
                for one in ("", *STATUSES)
            ],
            "following": page.next_cursor and address(where, given, cursor=page.next_cursor),
            "first": address(where, given) if cursor else "",
            "narrowed": bool(status),
        }
        return self._frame.page(visit, "instances.html", values)

    async def instance(self, visit: Visit) -> Response:
        """One instance with its steps, the oldest first. Raises NotFound, InvalidInput."""
        process, key = visit.parameter("process"), visit.parameter("key")
        after = whole(visit, "after", 0, _MOST_VERSIONS)
        found = await self._views.instance(process, key)
        steps = await self._views.history(process, key, after, _SIZE)
        where, given = f"{self._frame.base(visit)}/processes/instance", {"process": process}
        given["key"] = key
        values = {
            "found": found,
            "steps": steps,
            "first": address(where, given) if after else "",
            "following": address(where, given, after=str(steps[-1].version))
            if len(steps) == _SIZE
            else "",
        }
        return self._frame.page(visit, "instance.html", values)
