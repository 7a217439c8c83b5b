"""The fix loop: what waits, why, what a release would change, releasing and discarding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import (
    InvalidInput,
    NotFound,
    Outdated,
    ParkedChanged,
    Problem,
    ReleaseRunning,
    TwofoldError,
)
from twofold.http.console.addresses import Chip, address, chips
from twofold.http.console.frame import Frame
from twofold.http.pages.forms import Form
from twofold.http.pages.visit import Visit
from twofold.runtime.audit import AuditEntry, AuditTrail
from twofold.runtime.parking.beside import waiting_beside
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.release_all import RELEASE_ALL, ReleaseAll
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import STATES, ParkedPage, ReleaseView, SequenceView, Wanted

_SIZE = 50
_EVENTS = 20
_CAUSES = 8
_NARROWING = ("projection", "state", "cause")
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
        self._all = ReleaseAll(frame.system)
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
            served("/parked/ask", self.ask),
            served("/parked/release-all", self.release_all, "POST"),
            served("/parked/stop", self.stop, "POST"),
        ]

    async def page(self, visit: Visit) -> Response:
        """The list, the oldest first. Raises NotFound, InvalidInput."""
        wanted = Wanted(*(visit.parameter(name) for name in _NARROWING))
        return await self._list(visit, wanted)

    async def ask(self, visit: Visit) -> Response:
        """What a release of all would do, and a question. Raises NotFound, InvalidInput."""
        wanted = Wanted(*(visit.parameter(name) for name in _NARROWING))
        values = {
            "wanted": wanted,
            "foreseen": await self._all.foresee(_placed(wanted)),
            "back": self._address(visit, wanted),
        }
        return self._frame.page(visit, "parked_ask.html", values)

    async def release_all(self, visit: Visit) -> Response:
        """Begin it; of two operators the second is told about the first."""
        form = Form(await visit.fields())
        wanted = _placed(Wanted(*(form.value(name) for name in _NARROWING)))
        seen = _number("seen", form.value("seen"))
        try:
            await self._all.start(wanted, actor=visit.caller.subject, seen=seen)
        except (ReleaseRunning, ParkedChanged) as exc:
            return await self._list(visit, wanted, str(exc))
        return self._frame.see(visit, "/parked", **_filled(wanted))

    async def stop(self, visit: Visit) -> Response:
        """Have a release of all end early. Raises NotFound."""
        wanted = _placed(Wanted(Form(await visit.fields()).value("projection")))
        try:
            await self._all.stop(wanted.projection, actor=visit.caller.subject)
        except ParkedChanged as exc:
            return await self._list(visit, wanted, str(exc))
        return self._frame.see(visit, "/parked", **_filled(wanted))

    async def _list(self, visit: Visit, wanted: Wanted, refused: str = "") -> Response:
        """What waits; with why something was ``refused``."""
        cursor = visit.parameter("cursor")
        where, narrowed = f"{self._frame.base(visit)}/parked", _filled(wanted)
        name, state, cause = msgspec.structs.astuple(wanted)
        found = await self._desk.page(name, state, cursor, _SIZE, cause)
        placed = {"projection": name, "state": state}
        run = await self._all.look(name) if name else None
        releasable = name and state != "discarded" and found.total and not (run and run.running)
        values = {
            "page": found,
            "wanted": wanted,
            "causes": self._causes(where, placed, found, cause),
            "names": chips(where, placed, "projection", await self._counts()),
            "states": [
                Chip(one, None, address(where, narrowed, state=one), one == state)
                for one in ("", *STATES)
            ],
            "following": found.next_cursor and address(where, narrowed, cursor=found.next_cursor),
            "first": address(where, narrowed) if cursor else "",
            "here": address(where, narrowed),
            "narrowed": bool(narrowed),
            "release_all": address(f"{where}/ask", narrowed) if releasable else "",
            "run": run,
            "refused": refused,
            "released": visit.parameter("released"),
            "of": visit.parameter("of"),
            "told": visit.parameter("told"),
        }
        return self._frame.page(visit, "parked.html", values, 409 if refused else 200)

    async def _counts(self) -> dict[str, int | None]:
        """How many wait, by place; None where that is not known."""
        system = self._frame.system
        known = dict(await waiting_beside(system))
        known |= {one.name: system.progress.checkpoint(one.table).parked for one in system.appliers}
        return {name: known.get(name) for name in self._desk.names()}

    def _causes(
        self, where: str, placed: dict[str, str], found: ParkedPage, cause: str
    ) -> list[Chip]:
        """The most frequent ones; a list can be narrowed to those of a projection."""
        most = sorted(found.causes.items(), key=lambda one: (-one[1], one[0]))[:_CAUSES]
        lists = self._desk.by_cause(placed["projection"])
        return [
            Chip(one, count, address(where, placed, cause=one) if lists else "", one == cause)
            for one, count in most
        ]

    def _address(self, visit: Visit, wanted: Wanted) -> str:
        return address(f"{self._frame.base(visit)}/parked", _filled(wanted))

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
        which = form.value("projection"), form.value("sequence")
        return Which(*which, _number("seen", form.value("seen")))

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
        """The newest action of somebody on the sequence, or on all of its place."""
        subject = {"projection": which.projection, "sequence": which.sequence}
        entries = (await self._audit.page()).items
        return next((one for one in entries if _concerns(one, subject)), None)

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


def _concerns(entry: AuditEntry, subject: Mapping[str, str]) -> bool:
    """Whether an action was done to ``subject``, or may have been."""
    if entry.action == RELEASE_ALL:
        named = entry.subject.get("projection") == subject["projection"]
        return named and entry.outcome != "failed"
    return entry.subject == subject and entry.outcome == "done"


def _filled(wanted: Wanted) -> dict[str, str]:
    """What of it is said."""
    fields: dict[str, str] = msgspec.to_builtins(wanted)
    return fields


def _placed(wanted: Wanted) -> Wanted:
    if not wanted.projection:
        raise InvalidInput([Problem("projection", "choose one")])
    return wanted


def _number(name: str, text: str) -> int | None:
    if text and not (text.isascii() and text.isdigit() and len(text) < 20):
        raise InvalidInput([Problem(name, "as the page gave it")])
    return int(text) if text else None


def _key(found: SequenceView) -> str:
    """The key of the document that waits, "" for a stream."""
    kind, _, name = found.parked.sequence.partition(":")
    return name if kind == "document" else ""
