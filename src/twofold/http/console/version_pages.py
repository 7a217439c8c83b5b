"""Versions of read models: build anew, watch, switch, go back, drop."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import (
    InvalidInput,
    NotFound,
    Outdated,
    Problem,
    RebuildRunning,
    VersionsChanged,
)
from twofold.http.console.frame import Frame
from twofold.http.pages.forms import Form
from twofold.http.pages.visit import Visit
from twofold.runtime.rebuilding.desk import VersionsDesk, why_not_back

_ACTIONS = ("rebuild", "cancel", "switch", "rollback", "drop")
# Longer work goes on without whoever asked for it; its progress is on the page.
_PATIENCE_SECONDS = 3.0


class VersionPages:
    """The versions of all read models, and what operators do about them."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._desk = VersionsDesk(frame.system)
        self._under_way: set[asyncio.Task[Any]] = set()

    def routes(self) -> list[Route]:
        """Their addresses."""
        return [
            self._frame.served("/versions", self.show),
            self._frame.served("/versions/ask", self.ask),
            self._frame.served("/versions/{action}", self.act, "POST"),
        ]

    async def close(self) -> None:
        """End what is under way; a rebuild goes on where it was when it is begun again."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)

    async def show(self, visit: Visit) -> Response:
        """All of them, or those of one projection. Raises NotFound."""
        return await self._show(visit)

    async def ask(self, visit: Visit) -> Response:
        """What an action will do, and whether it is meant. Raises NotFound, InvalidInput."""
        action, projection = visit.parameter("action"), visit.parameter("projection")
        (now,) = await self._desk.all(self._named(projection))
        values = {
            "action": _known(action),
            "one": now,
            "version": _number(visit.parameter("version")),
            "why_not_back": "" if now.back_to is not None else why_not_back(now),
        }
        return self._frame.page(visit, "versions_ask.html", values)

    async def act(self, visit: Visit) -> Response:
        """Do it; the second of two operators is told what changed. Raises NotFound."""
        form = Form(await visit.fields())
        action, projection = _known(visit.named("action")), self._named(form.value("projection"))
        version, actor = _number(form.value("version")), visit.caller.subject
        seen = _number(form.value("seen")) or None
        desk = self._desk
        try:
            if action == "rebuild":
                await desk.start(projection, actor=actor, verify=form.value("verify") != "no")
            elif action == "cancel":
                await desk.cancel(projection, actor=actor)
            elif action == "drop":
                await desk.drop(projection, version, actor=actor)
            elif action == "switch":
                await self._for_a_while(desk.switch(projection, version, actor=actor, seen=seen))
            else:
                await self._for_a_while(desk.rollback(projection, actor=actor, seen=seen))
        except (RebuildRunning, VersionsChanged, Outdated) as exc:
            return await self._show(visit, projection, str(exc), 409)
        return self._frame.see(visit, "/versions", projection=projection, done=action)

    async def _for_a_while(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        done, _ = await asyncio.wait([task], timeout=_PATIENCE_SECONDS)
        if done:
            task.result()

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        if not task.cancelled():
            # It is in the audit trail, whether or not anybody waits for it.
            task.exception()

    async def _show(
        self, visit: Visit, projection: str = "", refused: str = "", status: int = 200
    ) -> Response:
        chosen = projection or visit.parameter("projection")
        values = {
            "projections": await self._desk.all(chosen),
            "chosen": chosen,
            "refused": refused,
            "done": visit.parameter("done"),
        }
        return self._frame.page(visit, "versions.html", values, status)

    def _named(self, projection: str) -> str:
        if not projection:
            raise InvalidInput([Problem("projection", "choose one")])
        return projection


def _known(action: str) -> str:
    if action not in _ACTIONS:
        raise NotFound("action", action)
    return action


def _number(text: str) -> int:
    if text and not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidInput([Problem("version", "a whole number")])
    return int(text or 0)
