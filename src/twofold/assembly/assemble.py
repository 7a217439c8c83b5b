"""From settings to a system: the one place that names adapters."""

from __future__ import annotations

import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from twofold.adapters.disk.space import Space
from twofold.adapters.sqlite.database import SqliteDatabase
from twofold.adapters.sqlite.log import SqliteLog
from twofold.adapters.sqlite.read_store import SqliteReadStore
from twofold.assembly.brokers import transport_of
from twofold.assembly.settings import Settings, sqlite_path
from twofold.assembly.tracing import tracing_of_process
from twofold.errors import Problem, SettingsProblems
from twofold.ports.log import Log
from twofold.ports.read_store import ReadStore
from twofold.ports.time_and_chance import Chance, Clock
from twofold.ports.tracing import Tracing
from twofold.ports.vitals import Vital
from twofold.runtime.alerting.alerting import Alerting
from twofold.runtime.clock import SystemClock, system_chance
from twofold.runtime.proving.proving import Proving
from twofold.runtime.settings import RuntimeSettings
from twofold.runtime.system import System
from twofold.wiring.application import Application

ALL_ROLES = frozenset({"api", "commands", "relay", "projector", "scheduler"})
_PLAIN = {"kafkas": "kafka", "amqps": "amqp", "rediss": "redis"}
_DRIVERS = {"pymongo": "TWOFOLD_READ", "asyncpg": "TWOFOLD_LOG"}


def assemble(
    application: Application,
    settings: Settings,
    *,
    roles: frozenset[str] = ALL_ROLES,
    clock: Clock | None = None,
    chance: Chance | None = None,
    runtime: RuntimeSettings | None = None,
    tracing: Tracing | None = None,
) -> System:
    """A system of ``application`` as ``settings`` say, not yet started.

    Without ``tracing`` its spans go to the provider that the process has, if any.

    Raises WiringProblems, and SettingsProblems where a driver is not installed.
    """
    try:
        stores = _stores(application.name, settings)
        transport = transport_of(settings.broker) if settings.broker else None
    except ModuleNotFoundError as exc:
        name = _DRIVERS.get(exc.name or "", "TWOFOLD_BROKER")
        if exc.name == "asyncpg" and settings.log.startswith("sqlite"):
            name = "TWOFOLD_READ"
        raise SettingsProblems([Problem(name, str(exc))]) from exc
    runtime = msgspec.structs.replace(
        runtime or RuntimeSettings(),
        projections=settings.projections,
        commands=settings.commands,
        broker=_PLAIN.get(urlsplit(settings.broker).scheme, urlsplit(settings.broker).scheme),
        partitions=settings.partitions,
        channel_prefix=settings.channel_prefix,
        max_event_bytes=settings.max_event_bytes,
        canary_seconds=settings.canary_seconds,
        parked_limit=settings.parked_limit,
        parked_limit_per_cause=settings.parked_limit_per_cause,
        hold_projections_seconds=settings.hold_projections_seconds,
        alerts=settings.alerts.limits,
        verify_share=settings.verify_share,
        log_database=_database(settings.log),
        read_database=_database(settings.read),
    )
    return System(
        application,
        stores.log,
        stores.read_store,
        clock=clock or SystemClock(),
        chance=chance or system_chance(),
        settings=runtime,
        roles=roles,
        transport=transport,
        tracing=tracing or tracing_of_process(),
        shadows=shadow_store,
        beside=[
            partial(
                Alerting,
                channels=settings.alerts.channels(),
                vitals=stores.vitals,
                read_vitals=stores.read_vitals,
                host=socket.gethostname(),
            ),
            Proving,
        ],
    )


def _database(url: str) -> str:
    """As the semantic conventions call it."""
    scheme = urlsplit(url).scheme.partition("+")[0]
    return "postgresql" if scheme == "postgres" else scheme


class _Stores(NamedTuple):
    log: Log
    read_store: ReadStore
    vitals: Sequence[Vital]
    read_vitals: Sequence[Vital] = ()


def _stores(name: str, settings: Settings) -> _Stores:
    one = settings.read == settings.log
    if settings.log.startswith("sqlite"):
        path = sqlite_path(settings.log)
        database = SqliteDatabase(path)
        log: Log = SqliteLog(database)
        vitals: list[Vital] = [Space("write database", path)]
        shared: ReadStore = SqliteReadStore(database)
    else:
        from twofold.adapters.postgres.database import PostgresDatabase
        from twofold.adapters.postgres.log import PostgresLog
        from twofold.adapters.postgres.read_store import PostgresReadStore
        from twofold.adapters.postgres.vitals import PostgresVitals

        server = PostgresDatabase(settings.log)
        log = PostgresLog(server)
        vitals = [PostgresVitals("write database", server)]
        shared = PostgresReadStore(server)
    if settings.data:
        vitals.append(Space("data folder", Path(settings.data)))
    if one:
        return _Stores(log, shared, vitals)
    read_store, vital = _read_store(name, settings.read)
    return _Stores(log, read_store, vitals, vital)


def _read_store(name: str, url: str) -> tuple[ReadStore, list[Vital]]:
    """One that is not the write database, and what can be told of it."""
    if url.startswith("sqlite"):
        path = sqlite_path(url)
        # Read models can be rebuilt, so their file need not wait for the disk at each commit.
        store = SqliteReadStore(SqliteDatabase(path, synchronous="NORMAL"))
        return store, [Space("read store", path)]
    if url.startswith("mongodb"):
        from twofold.adapters.mongodb.database import MongoDatabase
        from twofold.adapters.mongodb.read_store import MongoReadStore

        return MongoReadStore(MongoDatabase(url, name)), []
    from twofold.adapters.postgres.database import PostgresDatabase
    from twofold.adapters.postgres.read_store import PostgresReadStore
    from twofold.adapters.postgres.vitals import PostgresVitals

    server = PostgresDatabase(url)
    return PostgresReadStore(server), [PostgresVitals("read store", server)]


@asynccontextmanager
async def shadow_store() -> AsyncIterator[ReadStore]:
    """A read store in a temporary file, for verification; bounded in memory, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="twofold-shadow-") as folder:
        store = SqliteReadStore(SqliteDatabase(Path(folder) / "shadow.db", synchronous="OFF"))
        try:
            yield store
        finally:
            await store.close()
