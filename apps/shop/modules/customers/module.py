"""Customers: a query side; it decides nothing."""

from __future__ import annotations

from shop.modules.customers.views import customers
from twofold import Module, get, own, role

STAFF = role("service", "finance")

module = Module(
    "customers",
    customers,
    get("/api/v1/customers", customers.page, may=STAFF),
    get("/api/v1/customers/{customerId}", customers.one, may=STAFF | own),
)
