"""How everything is, what is wrong first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
from markupsafe import Markup
from msgspec.structs import replace
from starlette.responses import Response
from starlette.routing import Route

from twofold.errors import NotFound, TwofoldError
from twofold.http.console.frame import Frame
from twofold.http.console.lag_chart import lag_chart, lately, points, span
from twofold.http.pages.freshness import Freshness
from twofold.http.pages.visit import Visit
from twofold.messages.recorded import microseconds
from twofold.runtime.alerting.desk import AlertsView, look_at_alerts
from twofold.runtime.applying import Applier
from twofold.runtime.freshness.desk import ObjectivesDesk, ObjectiveView
from twofold.runtime.lag_history import LagSample
from twofold.runtime.nearest import nearest
from twofold.runtime.parking.beside import waiting_beside
from twofold.runtime.proving.notes import note_of
from twofold.runtime.readiness import Readiness, Report

_TABLE_ROWS = 30
_RATE_SECONDS = 60
_STORES = {"log", "readStore"}


class Trouble(msgspec.Struct, frozen=True):
    """Something wrong; ``where`` is the page that helps, ``bad`` whether work has stopped."""

    what: str
    why: str
    where: str = ""
    bad: bool = True


class Proof(msgspec.Struct, frozen=True):
    """How much of the rows was compared with the log in the last 24 hours, in percent, and which
    of them differ (``keys`` are the first of them).
    """

    percent: float
    differing: int
    keys: tuple[str, ...]


class Line(msgspec.Struct, frozen=True):
    """A projection: how far it is, and how its lag has been."""

    name: str
    version: int
    state: str
    reason: str
    applied: int
    lag_events: int
    lag: str
    canary: str
    parked: int
    recently: Markup
    proof: Proof | None


class Noted(msgspec.Struct, frozen=True):
    """What the write database says beside: of what waits, promises, alerts, and rows compared."""

    beside: Mapping[str, int] = {}
    promised: Sequence[ObjectiveView] = ()
    alerts: AlertsView = AlertsView((), (), {})
    proofs: Mapping[str, Proof | None] = {}


class Overview:
    """The first page of the console."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame
        self._readiness = Readiness(frame.system)
        self._objectives = ObjectivesDesk(frame.system)
        self._noted = Noted()
        self._known_at: datetime | None = None

    def routes(self) -> list[Route]:
        """Its address."""
        return [self._frame.served("", self.show), self._frame.served("/", self.show)]

    async def close(self) -> None:
        """Wait for no answer any more."""
        await self._readiness.close()

    async def show(self, visit: Visit) -> Response:
        """The page; ``projection`` chooses whose lag the chart shows."""
        system = self._frame.system
        chosen = visit.parameter("projection")
        if chosen and chosen not in system.tables:
            raise NotFound("projection", chosen, nearest(chosen, system.tables))
        report = await self._readiness.look()
        # What has not answered is not asked for more: each question would be waited for again.
        away = _STORES & report.problems.keys()
        if "log" not in away:
            await self._note()
        noted = self._noted
        samples = system.lag_history.samples if away else await self._samples()
        lines = self._lines(report, samples, noted.proofs)
        troubles = [*_troubles(report, lines, noted.beside), *_late(noted.promised)]
        found = points(_worst(samples, chosen))
        if not away:
            self._known_at = system.clock.now()
        values: dict[str, Any] = {
            "report": report,
            "away": away,
            "alerts": noted.alerts,
            "troubles": troubles,
            "lines": lines,
            "chosen": chosen,
            "chart": lag_chart("Lag", found),
            "table": points(_worst(samples, chosen), _TABLE_ROWS),
            "rate": system.lag_history.events_per_second(_RATE_SECONDS),
            "parked": sum(line.parked for line in lines) + sum(noted.beside.values()),
            "stuck": sum(one["stuckInstances"] for one in report.processes.values()),
            "behind": max(0, report.head - report.relay.published) if report.relay else 0,
            "epoch": system.log.epoch,
            "fresh": self._fresh(report.head, known=not away),
        }
        return self._frame.page(visit, "overview.html", values)

    async def _samples(self) -> Sequence[LagSample]:
        history = self._frame.system.lag_history
        # What is wrong with the stores is on the page already.
        with suppress(TwofoldError):
            await history.look()
        return history.samples

    def _fresh(self, head: int, *, known: bool) -> Freshness:
        at = self._known_at
        clock = f"{at:%H:%M:%S}" if at else ""
        return Freshness("current" if known else "stopped", head, at, clock)

    async def _note(self) -> None:
        """Ask the write database, which may go away in between."""
        system = self._frame.system
        with suppress(TwofoldError):
            self._noted = replace(self._noted, beside=await waiting_beside(system))
            self._noted = replace(self._noted, alerts=await look_at_alerts(system.log))
            self._noted = replace(self._noted, promised=(await self._objectives.look()).items)
            proofs = {one.name: await self._proof(one) for one in system.appliers}
            self._noted = replace(self._noted, proofs=proofs)

    async def _proof(self, applier: Applier) -> Proof | None:
        """None where nobody compares."""
        system = self._frame.system
        note = await note_of(system.log, applier.name, applier.table)
        if not (note.rounds or note.running or note.stretches):
            return None
        percent = 100 * note.share(microseconds(system.clock.now()))
        return Proof(percent, note.differing, tuple(one.key for one in note.found))

    def _lines(
        self, report: Report, samples: Sequence[LagSample], proofs: Mapping[str, Proof | None]
    ) -> list[Line]:
        system = self._frame.system
        found = []
        for applier in system.appliers:
            known = report.projections[applier.name]
            recent = [seconds for _, seconds in _worst(samples, applier.name)]
            found.append(
                Line(
                    applier.name,
                    applier.version,
                    known.state,
                    known.reason,
                    known.applied,
                    known.lag_events,
                    "" if known.lag_seconds is None else span(known.lag_seconds),
                    "" if known.canary_seconds is None else span(known.canary_seconds),
                    system.progress.checkpoint(applier.table).parked,
                    lately(f"Lag of {applier.name} lately", recent[-60:]),
                    proofs.get(applier.name),
                )
            )
        return sorted(found, key=lambda line: (-_BADNESS.get(line.state, 0), line.name))


_BADNESS = {"stopped": 3, "parked": 2, "rebuilding": 1, "catching-up": 1}


def _troubles(
    report: Report, lines: Sequence[Line], beside: Mapping[str, int]
) -> Iterator[Trouble]:
    told = set()
    for line in lines:
        if line.state == "stopped":
            told.add(line.name)
            yield Trouble(f"{line.name} is stopped", line.reason)
    for name, why in {**report.problems, **report.degraded}.items():
        if name not in told:
            yield Trouble(name, why, bad=name in report.problems)
    for name, count in {**{line.name: line.parked for line in lines}, **beside}.items():
        if count:
            some = "sequence waits" if count == 1 else "sequences wait"
            why = "all others flow; find the cause, mend it, rehearse and release"
            where = f"/parked?projection={quote(name)}"
            yield Trouble(f"{name}: {count:,} {some}", why, where, bad=False)
    for line in lines:
        if line.proof and line.proof.differing:
            why = f"first of {', '.join(line.proof.keys[:3])}"
            key = quote(next(iter(line.proof.keys), ""))
            where = f"/documents?projection={quote(line.name)}&key={key}"
            yield Trouble(f"{line.name}: {line.proof.differing:,} differ from the log", why, where)
    if report.rejected_messages:
        why = "they could not be used, and wait to be tried again or dismissed"
        yield Trouble(f"{report.rejected_messages:,} messages kept aside", why, "/messages", False)


def _late(promised: Sequence[ObjectiveView]) -> Iterator[Trouble]:
    for one in promised:
        if one.wrong and one.budget_left is not None:
            left = max(0.0, one.budget_left)
            why = f"{left:.0%} of its error budget of {one.window_days} days is left"
            where = f"/freshness?query={quote(one.query)}"
            what = f"Answers of {one.query} are late more often than promised"
            yield Trouble(what, why, where, one.alert == "objective")


def _worst(samples: Sequence[LagSample], projection: str = "") -> list[tuple[int, float]]:
    """The largest lag of all projections, or that of one."""
    return [
        (
            sample.time_us,
            sample.seconds.get(projection, 0.0)
            if projection
            else max(sample.seconds.values(), default=0.0),
        )
        for sample in samples
    ]
