"""How things stand at the moment of a scrape, as far as this process can see."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Mapping
from math import nan

from prometheus_client import CollectorRegistry, Counter, Gauge

from twofold.errors import TwofoldError
from twofold.messages.recorded import microseconds
from twofold.runtime.alerting.desk import look_at_alerts
from twofold.runtime.alerting.kinds import KINDS
from twofold.runtime.partitions.relay import GROUP, Published
from twofold.runtime.presence import ROLES
from twofold.runtime.proving.notes import Note, note_of
from twofold.runtime.system import System


class Standing:
    """Gauges that are looked up when somebody asks for them."""

    def __init__(self, system: System, registry: CollectorRegistry) -> None:
        self._system = system
        self._lag = Gauge(
            "twofold_projection_lag_seconds",
            "Since the oldest event not applied yet happened (NaN: the log does not answer)",
            ("projection",),
            registry=registry,
        )
        self._parked = Gauge(
            "twofold_projection_parked_sequences",
            "Sequences that wait for an operator while all others flow",
            ("projection",),
            registry=registry,
        )
        self._parts = {
            name: Gauge(
                f"twofold_partition_{name}", what, ("projection", "partition"), registry=registry
            )
            for name, what in (
                (
                    "lag_events",
                    "Events of the partition not applied yet; above 2,000 about so many",
                ),
                ("lag_seconds", "Since the oldest event not applied yet happened"),
                ("age_seconds", "Age of the event up to which everything is applied (NaN: none)"),
            )
        }
        self._stopped = Gauge(
            "twofold_worker_stopped",
            "1 while a worker of this process can't go on; workers that do are left out",
            ("worker",),
            registry=registry,
        )
        self._published = Gauge(
            "twofold_relay_published_position",
            "Last position known to be published, by any relay (NaN: the log does not answer)",
            registry=registry,
        )
        self._unpublished = Gauge(
            "twofold_relay_lag_events",
            "Events not known to be published yet; 0 without a broker",
            registry=registry,
        )
        self._ahead = Gauge(
            "twofold_clock_ahead_seconds",
            "How far the newest applied event lies in this process's future: clocks differ",
            registry=registry,
        )

        self._alive = _of_roles("alive", "Processes of a role that live (NaN: unknown)", registry)
        self._needed = _of_roles(
            "needed", "1 if something is left undone without the role", registry
        )
        self._seen = _of_roles(
            "last_sign_seconds",
            "Since a process of a role gave a sign of life (NaN: none)",
            registry,
        )

        self._alerts = Gauge(
            "twofold_alert_open",
            "Alerts that are open, as they are told (NaN: the write database does not answer)",
            ("kind",),
            registry=registry,
        )

        self._proofs = {
            name: Gauge(f"twofold_verification_{name}", what, ("projection",), registry=registry)
            for name, what in (
                (
                    "proven_ratio",
                    "Share of the rows found equal to the log within 24 hours (NaN: unknown)",
                ),
                ("different_rows", "Rows found to be other than the log says (NaN: unknown)"),
                ("round_age_seconds", "Since all rows were last compared (NaN: never)"),
            )
        }

        self._promised = Gauge(
            "twofold_objective_target_ratio",
            "Share of a query's answers that is to be fresh enough",
            ("query",),
            registry=registry,
        )
        self._budget = Gauge(
            "twofold_objective_budget_ratio",
            "Share left of what may be late within 30 days, of all processes (NaN: unknown)",
            ("query",),
            registry=registry,
        )
        self._answers = Counter(
            "twofold_objective_answers",
            "Answers of queries with a freshness objective: within it, or late",
            ("query", "outcome"),
            registry=registry,
        )
        self._answered_before: dict[tuple[str, str], int] = {}

        self._canary = Gauge(
            "twofold_canary_seconds",
            "From append to query, of the last canary or of one not seen yet (NaN: none was sent)",
            ("projection",),
            registry=registry,
        )
        self._not_seen = Gauge(
            "twofold_canary_overdue",
            "1 while what is appended does not come through to queries",
            ("projection",),
            registry=registry,
        )

        # Those that only the stores can tell.
        self.asked = (
            self._lag,
            *self._parts.values(),
            self._published,
            self._unpublished,
            self._alive,
            self._seen,
            self._alerts,
            *self._proofs.values(),
            self._budget,
        )

    async def look(self) -> None:
        """Set all of them."""
        self._look_at_workers()
        self._look_at_clocks()
        self._look_at_canaries()
        await self._look_at_objectives()
        await self._look_at_projections()
        await self._look_at_relay()
        await self._look_at_roles()
        await self._look_at_alerts()
        await self._look_at_proofs()

    def _look_at_workers(self) -> None:
        system = self._system
        self._stopped.clear()
        for part in (system.processes, system.queued, system.sharing, system.inboxes):
            for worker in part.stopped():
                self._stopped.labels(worker).set(1)

    def _look_at_canaries(self) -> None:
        canary = self._system.canary
        for applier in self._system.appliers:
            name = applier.name
            seen = canary.seconds.get(name, nan) if canary else nan
            waiting = canary.waiting_seconds(name) if canary else 0.0
            self._canary.labels(name).set(waiting or seen)
            self._not_seen.labels(name).set(bool(canary and canary.why(name)))

    def _look_at_clocks(self) -> None:
        checkpoints = [self._system.progress.checkpoint(one.table) for one in self._system.appliers]
        newest_us = max((one.time_us for one in checkpoints), default=0)
        now_us = microseconds(self._system.clock.now())
        self._ahead.set(max(0.0, (newest_us - now_us) / 1e6))

    async def _look_at_projections(self) -> None:
        for applier in self._system.appliers:
            parked = self._system.progress.checkpoint(applier.table).parked
            self._parked.labels(applier.name).set(parked)
        try:
            lags = await self._system.lags.measure()
        except TwofoldError:
            for applier in self._system.appliers:
                self._lag.labels(applier.name).set(nan)
            for gauge in self._parts.values():
                gauge.clear()
            return
        for name, lag in lags.items():
            self._lag.labels(name).set(lag.lag_seconds)
            for part in lag.partitions:
                number, age = str(part.partition), part.age_seconds
                self._parts["lag_events"].labels(name, number).set(part.lag_events)
                self._parts["lag_seconds"].labels(name, number).set(part.lag_seconds)
                self._parts["age_seconds"].labels(name, number).set(nan if age is None else age)

    async def _look_at_relay(self) -> None:
        system = self._system
        if system.transport is None:
            return
        try:
            mark = (await system.log.leases.marks(GROUP)).get(0, "")
        except TwofoldError:
            self._published.set(nan)
            return
        # The mark is written a little later than the events are published.
        known = system.sharing.relay.published.position if system.sharing.relay else 0
        position = max(Published.of(mark).position, known)
        self._published.set(position)
        self._unpublished.set(max(0, system.progress.head - position))

    async def _look_at_objectives(self) -> None:
        left = await self._budgets_left()
        for query, budget in self._system.objectives.budgets.items():
            self._promised.labels(query).set(budget.share)
            self._budget.labels(query).set(left.get(query, nan))
            counts = {"within": budget.answers - budget.late, "late": budget.late}
            for outcome, count in counts.items():
                before = self._answered_before.get((query, outcome), 0)
                self._answers.labels(query, outcome).inc(count - before)
                self._answered_before[query, outcome] = count

    async def _budgets_left(self) -> Mapping[str, float]:
        """By query. Looked up no more often than processes write it, however often they are asked;
        mostly the look for alerts has done so."""
        now_us = microseconds(self._system.clock.now())
        try:
            budgets = await self._system.objectives.shared.look()
        except TwofoldError:
            return {}
        return {query: budget.left(now_us) for query, budget in budgets.items()}

    async def _look_at_alerts(self) -> None:
        try:
            view = await look_at_alerts(self._system.log)
        except TwofoldError:
            for kind in KINDS:
                self._alerts.labels(kind).set(nan)
            return
        open_by_kind = Counts(alert.kind for alert in view.open)
        for kind in KINDS:
            self._alerts.labels(kind).set(open_by_kind[kind])

    async def _look_at_proofs(self) -> None:
        now_us = microseconds(self._system.clock.now())
        for name, table in self._system.tables.items():
            try:
                note = await note_of(self._system.log, name, table)
            except TwofoldError:
                note = Note()
            known = bool(note.began_us)
            age = (now_us - note.proven_us) / 1e6
            ratio, different = note.share(now_us), note.differing
            self._proofs["proven_ratio"].labels(name).set(ratio if known else nan)
            self._proofs["different_rows"].labels(name).set(different if known else nan)
            self._proofs["round_age_seconds"].labels(name).set(age if note.rounds else nan)

    async def _look_at_roles(self) -> None:
        try:
            known = await self._system.presence.look()
        except TwofoldError:
            for role in ROLES:
                self._alive.labels(role).set(nan)
            return
        for role, presence in known.items():
            age = presence.age_seconds
            self._alive.labels(role).set(presence.alive)
            self._needed.labels(role).set(presence.needed)
            self._seen.labels(role).set(nan if age is None else age)


def _of_roles(name: str, what: str, registry: CollectorRegistry) -> Gauge:
    return Gauge(f"twofold_role_{name}", what, ("role",), registry=registry)
