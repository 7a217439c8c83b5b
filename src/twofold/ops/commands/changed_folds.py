"""Whether the code at hand has folds that its read models were not built by."""

from __future__ import annotations

import asyncio

from twofold.assembly.assemble import assemble
from twofold.assembly.settings import Settings, sqlite_path
from twofold.errors import ForeignEvents, Outdated, TwofoldError
from twofold.runtime.system import System
from twofold.wiring.application import Application

_LIMIT_SECONDS = 10.0


def changed_folds(application: Application, settings: Settings) -> tuple[list[str], list[str]]:
    """What keeps a process with this code from starting, and what is worth knowing.

    Databases that are not there yet are not looked at, and those that do not answer are named.
    """
    databases = (settings.log, settings.read)
    if not all(sqlite_path(url).exists() for url in databases if url.startswith("sqlite")):
        return [], []
    try:
        return asyncio.run(_look(application, settings))
    except ForeignEvents as exc:
        return [str(exc)], []
    except TimeoutError:
        why = f"no answer within {_LIMIT_SECONDS:g} s"
    except TwofoldError as exc:
        why = str(exc)
    return [], [f"whether folds have changed is not known: {why}"]


async def _look(application: Application, settings: Settings) -> tuple[list[str], list[str]]:
    async with asyncio.timeout(_LIMIT_SECONDS):
        async with assemble(application, settings, roles=frozenset()) as system:
            return await _told(system)


async def _told(system: System) -> tuple[list[str], list[str]]:
    names = list(await system.choosing.outdated())
    if not names:
        return [], []
    events = system.progress.head
    if events > system.settings.rebuild_at_start_events:
        return [str(Outdated(names, events))], []
    why = f"the folds of {', '.join(names)} have changed"
    return [], [f"{why}; the next start builds them anew from {events:,} events"]
