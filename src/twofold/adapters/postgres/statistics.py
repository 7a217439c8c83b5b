"""What the planner knows of read models that grow faster than the server looks at them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from twofold.adapters.postgres.dialect import PostgresDialect

_FIRST_ROWS = 2_000
_FACTOR = 4


class Statistics:
    """Has a table analysed each time this process has written four times as many rows to it.

    The server does so by itself, but up to a minute later; until then it plans for an empty table,
    and a rebuilt read model would be read slowly by whoever comes first.
    """

    def __init__(self, dialect: PostgresDialect) -> None:
        self._dialect = dialect
        self._written: Counter[str] = Counter()
        self._due: dict[str, int] = {}

    async def wrote(self, connection: Any, rows: Mapping[str, int]) -> None:
        """A transaction was committed that wrote so many ``rows`` to tables."""
        self._written.update(rows)
        for table in rows:
            if self._written[table] >= self._due.get(table, _FIRST_ROWS):
                self._due[table] = _FACTOR * self._written[table]
                await connection.execute(f"analyze (skip_locked) {self._dialect.table(table)}")
