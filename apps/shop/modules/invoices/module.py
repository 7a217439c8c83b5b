"""Invoices: they come by import alone."""

from __future__ import annotations

from shop.modules.invoices.domain import ImportInvoice, invoice
from twofold import Module, internal, role

module = Module("invoices", invoice, internal(ImportInvoice, may=role("finance", "system")))
