"""ACME's shop: which modules there are, and who can be signed in for a demonstration."""

from __future__ import annotations

from shop.modules.customers.module import module as customers
from shop.modules.invoices.module import module as invoices
from shop.modules.orders.domain import PaymentRefused
from shop.modules.orders.module import module as orders
from shop.modules.products.module import module as products
from shop.modules.reports.module import module as reports
from shop.pages.site import pages
from shop.sample import sample
from twofold import Account, Application

ACCOUNTS = (
    Account("customer", "Carla Customer", ("customer",)),
    Account("customer2", "Chris Customer", ("customer",)),
    Account("service", "Sam Service", ("service",)),
    Account("operations", "Olga Operations", ("operations",)),
    Account("merchandiser", "Mika Merchandiser", ("merchandiser",)),
    Account("finance", "Fay Finance", ("finance",)),
    Account("operator", "Otis Operator", ("operator",)),
)

app = Application(
    "shop",
    products,
    orders,
    invoices,
    customers,
    reports,
    title="ACME shop",
    accounts=ACCOUNTS,
    problems={PaymentRefused: 402},
    pages=pages,
    sample=sample,
)
