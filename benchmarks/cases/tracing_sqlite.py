"""What being observed costs commands on SQLite, with one in a hundred traced."""

from __future__ import annotations

from benchmarks.figures import Figures, at_most
from benchmarks.observed import added_by_observation

NAME = "tracing-sqlite"
GOAL = at_most(105)
UNIT = "% of the processor time unobserved"


def run() -> Figures:
    """200 clients, one process; the ways in turn, the median of each."""
    times = added_by_observation()
    unobserved = times["unobserved"]
    shares = {way: round(100 * seconds / unobserved, 1) for way, seconds in times.items()}
    details = {
        "off": shares["off"],
        "1_percent": shares["1 %"],
        "100_percent": shares["100 %"],
        "unobserved_us": round(unobserved * 1e6, 1),
    }
    return Figures(shares["1 %"], 100, None, details)
