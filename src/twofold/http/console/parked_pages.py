"""The fix loop: what waits, why, what a release would change, releasing and discarding."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import InvalidInput, NotFound, Outdated, ParkedChanged, Problem, TwofoldError
from twofold.http.console.addresses import Chip, address, chips
from twofold.http.console.frame import Frame
from twofold.http.pages.forms import Form
from twofold.http.pages.visit import Visit
from twofold.runtime.audit import AuditEntry, AuditTrail
from twofold.runtime.parking.beside import waiting_beside
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import STATES, ReleaseView, SequenceView

_SIZE = 50
_EVENTS = 20
_LABELS = {"reason": "Why it is left out"}


class Which(msgspec.Struct, frozen=True):
    """A sequence, and its state as it was shown to whoever decides."""

    projection: str
    sequence: str
    seen: int | None = None


class ParkedPages:
    """What waits, and what operators do about it."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._desk = ParkedDesk(frame.system)
        self._audit = AuditTrail(frame.system)

    def routes(self) -> list[Route]:
        """Their addresses."""
        served = self._frame.served
        return [
            served("/parked", self.page),
            served("/parked/sequence", self.sequence),
            served("/parked/dry-run", self.rehearse, "POST"),
            served("/parked/release", self.release, "POST"),
            served("/parked/discard", self.discard, "POST"),
        ]

    async def page(self, visit: Visit) -> Response:
        """The list, the oldest first. Raises NotFound, InvalidInput."""
        given = {name: visit.parameter(name) for name in ("projection", "state", "cursor")}
        found = await self._desk.page(**given, size=_SIZE)
        system, where = self._frame.system, f"{self._frame.base(visit)}/parked"
        known = dict(await waiting_beside(system))
        known |= {one.name: system.progress.checkpoint(one.table).parked for one in system.appliers}
        parked = {name: known.get(name) for name in self._desk.names()}
        narrowed = {"projection": given["projection"], "state": given["state"]}
        values = {
            "page": found,
            "causes": sorted(found.causes.items(), key=lambda one: (-one[1], one[0]))[:8],
            "names": chips(where, narrowed, "projection", parked),
            "states": [
                Chip(state, None, address(where, narrowed, state=state), state == given["state"])
                for state in ("", *STATES)
            ],
            "following": found.next_cursor and address(where, narrowed, cursor=found.next_cursor),
            "first": address(where, narrowed) if given["cursor"] else "",
            "narrowed": any(narrowed.values()),
            "released": visit.parameter("released"),
            "of": visit.parameter("of"),
            "told": visit.parameter("told"),
        }
        return self._frame.page(visit, "parked.html", values)

    async def sequence(self, visit: Visit) -> Response:
        """One sequence. Raises NotFound."""
        which = Which(visit.parameter("projection"), visit.parameter("sequence"))
        return await self._show(visit, which)

    async def rehearse(self, visit: Visit) -> Response:
        """What a release would change, by the code as it is now."""
        which = await self._which(visit)
        try:
            rehearsed = await self._desk.rehearse(which.projection, which.sequence)
        except InvalidInput as exc:
            return await self._show(visit, which, {"impossible": str(exc)})
        except NotFound as exc:
            return await self._late(visit, which, exc)
        return await self._show(visit, which, {"rehearsed": rehearsed})

    async def release(self, visit: Visit) -> Response:
        """Apply what waits."""
        which = await self._which(visit)
        try:
            released = await self._desk.release(
                which.projection,
                which.sequence,
                actor=visit.caller.subject,
                seen=which.seen,
            )
        except (ParkedChanged, Outdated, NotFound) as exc:
            return await self._late(visit, which, exc)
        return self._done(visit, which, released)

    async def discard(self, visit: Visit) -> Response:
        """Leave out what fails: shown first, and done once that was confirmed."""
        which, form = await self._which(visit), Form(await visit.fields(), (), _LABELS)
        everything = form.value("which") == "everything"
        discarding = Discarding(visit.caller.subject, form.value("reason"), everything)
        try:
            if not form.value("confirmed"):
                told = await self._desk.rehearse(which.projection, which.sequence, discarding)
                return await self._show(visit, which, {"discarding": told, "form": form})
            released = await self._desk.discard(
                which.projection, which.sequence, discarding, seen=which.seen
            )
        except InvalidInput as exc:
            wrong = Form(await visit.fields(), exc.problems, _LABELS)
            return await self._show(visit, which, {"form": wrong}, 422)
        except (ParkedChanged, Outdated, NotFound) as exc:
            return await self._late(visit, which, exc)
        return self._done(visit, which, released)

    async def _which(self, visit: Visit) -> Which:
        form = Form(await visit.fields())
        seen = form.value("seen")
        if seen and not (seen.isascii() and seen.isdigit() and len(seen) < 20):
            raise InvalidInput([Problem("seen", "as the page gave it")])
        which = form.value("projection"), form.value("sequence")
        return Which(*which, int(seen) if seen else None)

    def _done(self, visit: Visit, which: Which, released: ReleaseView) -> Response:
        if released.again is not None:
            return self._frame.see(
                visit,
                "/parked/sequence",
                projection=which.projection,
                sequence=which.sequence,
                again=str(released.applied),
            )
        told = f"{released.applied:,} applied, {released.discarded:,} left out"
        return self._frame.see(
            visit, "/parked", released=which.sequence, of=which.projection, told=told
        )

    async def _late(self, visit: Visit, which: Which, error: TwofoldError) -> Response:
        """Not done: how it is now, and who was there before. Raises what is no news."""
        values: dict[str, Any] = {"refused": str(error), "before": await self._before(which)}
        if isinstance(error, NotFound):
            if values["before"] is None:
                raise error
            return self._frame.page(visit, "parked_gone.html", {"which": which, **values}, 409)
        try:
            return await self._show(visit, which, values, 409)
        except NotFound:
            return self._frame.page(visit, "parked_gone.html", {"which": which, **values}, 409)

    async def _before(self, which: Which) -> AuditEntry | None:
        """The newest action of somebody on the sequence."""
        subject = {"projection": which.projection, "sequence": which.sequence}
        entries = (await self._audit.page()).items
        done = (one for one in entries if one.subject == subject and one.outcome == "done")
        return next(done, None)

    async def _show(
        self, visit: Visit, which: Which, more: dict[str, Any] | None = None, status: int = 200
    ) -> Response:
        found = await self._desk.show(which.projection, which.sequence, _EVENTS)
        values: dict[str, Any] = {
            "found": found,
            "parked": found.parked,
            "key": _key(found),
            "form": Form({}, (), _LABELS),
            "rehearsed": None,
            "discarding": None,
            "impossible": "",
            "refused": "",
            "before": None,
            "again": visit.parameter("again"),
            **(more or {}),
        }
        return self._frame.page(visit, "parked_sequence.html", values, status)


def _key(found: SequenceView) -> str:
    """The key of the document that waits, "" for a stream."""
    kind, _, name = found.parked.sequence.partition(":")
    return name if kind == "document" else ""
