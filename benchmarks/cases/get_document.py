"""GET of one stored document over HTTP, per core."""

from __future__ import annotations

from benchmarks.figures import Figures, at_least
from benchmarks.raw import bare_asgi_gets
from benchmarks.reading import reads

NAME = "get-document"
GOAL = at_least(15_000)
UNIT = "requests/s"


def run() -> Figures:
    """One uvicorn worker pinned to a core, on SQLite."""
    seen = reads()[0]
    details = {"p50_ms": seen.p50_ms, "p99_ms": seen.p99_ms, "generator": seen.generator}
    return Figures(seen.requests_per_second, bare_asgi_gets().figure, None, details)
