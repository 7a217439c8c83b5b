"""The kinds of alerts there are: how urgent each is, and what to do first."""

from __future__ import annotations

import msgspec

from twofold.ports.alerts import Severity


class Kind(msgspec.Struct, frozen=True):
    """``hold_seconds``: how long it has to be so before anybody is told."""

    severity: Severity
    advice: str
    hold_seconds: float = 0.0


KINDS: dict[str, Kind] = {
    "parked": Kind(
        "page",
        "Their documents stand still, all others go on. See twofold parked APP list, or /console.",
    ),
    "waiting": Kind(
        "page",
        "Commands of an aggregate, or an instance of a process, stand still; all others go on. "
        "See twofold parked APP list, or /console.",
        30,
    ),
    "lag": Kind(
        "page", "Is a projector running, and is its store quick enough? See twofold status APP.", 30
    ),
    "stopped": Kind(
        "page", "It is tried again by itself; repair the fold or the data. See /health/ready.", 30
    ),
    "worker": Kind("page", "/health/ready of its process says more.", 30),
    "role": Kind("page", "Start one: twofold run APP --role …", 10),
    "relay": Kind("page", "Does a relay run, and does the broker take what it publishes?"),
    # Whoever could not look for a while, and now can, has not looked yet.
    "canary": Kind("page", "Whatever its lag says, nothing moves. See /health/ready.", 10),
    "database": Kind("page", "Nothing can be recorded. /health/ready of any process says why.", 30),
    "clock": Kind("ticket", "Is time synchronised on all machines? Times of events depend on it."),
    "disk": Kind("page", "Free space, or give it more: when it is full, nothing is recorded."),
    "horizon": Kind(
        "ticket",
        "End it: tables and indexes grow, and everything becomes slower, until it is gone.",
    ),
    "difference": Kind(
        "page",
        "The read model is not what the log says. See twofold verify APP, then twofold rebuild.",
    ),
    # A shadow of a long log takes hours where its budget is small.
    "unproven": Kind(
        "ticket",
        "Nobody knows whether the read model is what the log says. Is there room for a shadow in "
        "the folder for temporary files? The logs of projectors say why; try twofold verify APP.",
        6 * 3600,
    ),
    "objective": Kind(
        "page",
        "Answers are older than was promised. See twofold freshness APP, and how far behind its "
        "projections are.",
    ),
    "budget": Kind(
        "ticket",
        "If it goes on like this, what was promised for the month will not be kept. "
        "See twofold freshness APP.",
    ),
}
