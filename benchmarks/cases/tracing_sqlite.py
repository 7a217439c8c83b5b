"""What traces cost commands on SQLite, one in a hundred sampled."""

from __future__ import annotations

from benchmarks.figures import Figures, at_most
from benchmarks.observed import added_by_observation

NAME = "tracing-sqlite"
GOAL = at_most(105)
UNIT = "% of the processor time untraced"


def run() -> Figures:
    """200 clients, one process; the ways in turn, the median of each."""
    times = added_by_observation()
    untraced = times["off"]
    shares = {way: round(100 * seconds / untraced, 1) for way, seconds in times.items()}
    details = {
        "100_percent": shares["100 %"],
        "not_even_measured": shares["unobserved"],
        "untraced_us": round(untraced * 1e6, 1),
    }
    return Figures(shares["1 %"], 100, None, details)
