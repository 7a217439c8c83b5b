"""What the work at hand belongs to, for whoever writes a log line meanwhile."""

from __future__ import annotations

from contextvars import ContextVar
from typing import NamedTuple


class Bound(NamedTuple):
    """``traceparent`` names the trace; "" where something is not known."""

    request_id: str = ""
    correlation_id: str = ""
    command_id: str = ""
    traceparent: str = ""


NOTHING = Bound()
BOUND: ContextVar[Bound] = ContextVar("twofold_bound", default=NOTHING)
