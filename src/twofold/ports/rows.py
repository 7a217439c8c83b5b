"""A team's own rows: the state of a state-stored aggregate, in tables that the team designed.

    class AccountRows:
        async def load(self, connection, identities): ...   # select … for update
        async def save(self, connection, states): ...       # insert … on conflict do update

    account = StateStored(Account, AccountId, rows=AccountRows())

Rules:

* ``connection`` is that of the transaction in which the log appends: on PostgreSQL asyncpg's, on
  SQLite one whose ``run(function)`` calls ``function`` with the ``sqlite3`` connection in the
  thread that writes. It is not committed, rolled back or kept.
* What ``load`` answers for an id equals what ``save`` wrote for it, until somebody changes the row.
  Rows may be changed by other programs too: a command that was decided on a row which is no longer
  so is decided again. On PostgreSQL this needs ``for update``, which keeps the row as it is until
  the transaction ends.
* ``save`` may raise Refused (a constraint knew better): then nothing of the command is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeVar

S = TypeVar("S")


class Rows(Protocol[S]):
    """Reads and writes the rows of one kind of aggregate."""

    async def load(self, connection: Any, identities: Sequence[str]) -> Mapping[str, S]:
        """The states of those that have rows, in one query; called in order of the ids."""

    async def save(self, connection: Any, states: Mapping[str, S]) -> None:
        """Insert or replace the rows of these aggregates."""
