"""The agenda's statements go by their indexes, on empty tables and on full ones."""

from __future__ import annotations

from typing import Any

import pytest

from twofold.adapters.postgres import agenda
from twofold.adapters.postgres.database import PostgresDatabase
from twofold.adapters.postgres.log import PostgresLog

READS: dict[str, tuple[str, tuple[Any, ...]]] = {
    "due timers": (agenda._DUE_TIMERS, (["p", "q"], 5, 100)),
    "next timer": (agenda._NEXT_TIMER, (["p", "q"],)),
    "pending timers": (agenda._PENDING, ("s:1",)),
    "due queues": (agenda._DUE_QUEUES, (["p", "q"], 5, 100)),
    "next queue": (agenda._NEXT_QUEUE, (["p", "q"],)),
    "queued": (agenda._QUEUED, (["s:1", "s:2"],)),
    "instances": (agenda._INSTANCES, ("s:", "s;", "state", 20)),
    "cancel": (agenda._CANCEL, (["s:1"], ["t"])),
    "dequeue": (agenda._DEQUEUE, (["c"],)),
    "failed": (agenda._FAILED, (["c"], ["why"])),
    "postpone": (agenda._POSTPONE, (["s:1"], [5])),
}
FILL = (
    "insert into twofold.timer select 's:' || n, 't', 'p', n from generate_series(1, 20000) n",
    "insert into twofold.queued_command select 'c' || n, 'p', 's:' || n, 1, 1, 'o', '', '', '', n, "
    "0, '' from generate_series(1, 20000) n",
    "insert into twofold.snapshot select 's:' || n, 'state', 1, 1, '' "
    "from generate_series(1, 20000) n",
)


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "full"])
async def test_no_statement_reads_a_whole_table(postgres: str, filled: bool) -> None:
    database = PostgresDatabase(postgres)
    log = PostgresLog(database)
    await log.open()
    try:
        async with database.pinned() as connection:
            for statement in FILL if filled else ():
                await connection.execute(statement)
            plans = {}
            for name, (sql, values) in READS.items():
                rows = await connection.fetch(f"explain {sql}", *values)
                plans[name] = "\n".join(row[0] for row in rows)
    finally:
        await log.close()
    assert {name: plan for name, plan in plans.items() if "Seq Scan" in plan} == {}
