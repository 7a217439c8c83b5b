"""Verification of a read model, as a share of the rate at which it is rebuilt; PostgreSQL."""

from __future__ import annotations

import asyncio

import msgspec

from benchmarks.database import fresh_database
from benchmarks.figures import Figures, at_least
from benchmarks.verifying import verification_rate
from twofold.ops.services import provided

NAME = "verification-postgres"
GOAL = at_least(0.6)
UNIT = "of the rebuild's rate"


def run() -> Figures:
    """100,000 events over 1,000 documents: folded into a shadow and compared."""
    with provided("postgres") as address:
        runner = asyncio.Runner()
        context = fresh_database(address)
        fresh = runner.run(context.__aenter__())
        try:
            rates = verification_rate(fresh)
        finally:
            runner.run(context.__aexit__(None, None, None))
            runner.close()
    return Figures(rates.verification / rates.rebuild, 1.0, None, msgspec.to_builtins(rates))
