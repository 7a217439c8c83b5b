"""Reports: a query side; it decides nothing."""

from __future__ import annotations

from shop.modules.reports.cells import cells
from shop.modules.reports.queries import revenue
from twofold import Module, get, role

module = Module(
    "reports", cells, get("/api/v1/reports/revenue", revenue, may=role("finance", "service"))
)
