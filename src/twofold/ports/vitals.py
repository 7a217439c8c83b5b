"""How a database itself is: what becomes trouble before anything fails."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """What could be found out; None for what this kind of database can't tell, or may not.

    ``time_us``: its clock (microseconds since 1970). ``free_bytes``: what is left where it lies.
    ``horizon_seconds``: for how long something has kept it from clearing away former rows, and
    ``horizon`` what that is.
    """

    time_us: int | None = None
    free_bytes: int | None = None
    horizon_seconds: float | None = None
    horizon: str = ""


class Vital(Protocol):
    """One database, or one folder."""

    @property
    def name(self) -> str:
        """ "write database", "read store" or "data folder"."""

    async def look(self) -> Vitals:
        """Ask it. Raises StoreUnavailable."""
