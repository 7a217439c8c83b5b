"""How a PostgreSQL database itself is."""

from __future__ import annotations

from twofold.adapters.postgres.database import PostgresDatabase
from twofold.ports.vitals import Vitals

# What keeps rows of this database: a snapshot, or a transaction that has written. Vacuum leaves
# vacuum alone. Sessions of other users are seen with the role pg_read_all_stats.
_LOOK = """
with held (since, what) as (
    select xact_start, format('session %s is in a transaction, %s', pid, state)
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
      and (backend_xmin is not null or backend_xid is not null)
      and backend_type <> 'autovacuum worker' and query not ilike 'vacuum%'
    union all
    select prepared, 'a prepared transaction was left' from pg_prepared_xacts
    where database = current_database()
)
select (extract(epoch from clock_timestamp()) * 1000000)::bigint,
       coalesce(extract(epoch from clock_timestamp() - min(since)), 0)::float8,
       coalesce((array_agg(what order by since))[1], '')
from held where since is not null
"""


class PostgresVitals:
    """Asks over a connection of a database that somebody has opened."""

    def __init__(self, name: str, database: PostgresDatabase) -> None:
        self.name = name
        self._database = database

    async def look(self) -> Vitals:
        """Its clock, and its oldest transaction. Raises StoreUnavailable."""
        async with self._database.planned() as connection:
            time_us, seconds, what = await connection.fetchrow(_LOOK)
        return Vitals(time_us=time_us, horizon_seconds=seconds, horizon=what)
