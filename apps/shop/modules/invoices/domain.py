"""Invoices of another system: facts, taken over once.

They are an aggregate of their own and not orders: nothing about them can be decided any more. The
invoice's number is its id, so importing a file again finds every invoice already there.
"""

from __future__ import annotations

import hashlib

import msgspec

from shop.modules.invoices.contracts import InvoiceContent, InvoiceId, InvoiceImported
from twofold import Command, EventSourced, Refused, Value


class ImportInvoice(InvoiceContent, Command):
    """Take over an invoice."""

    invoice_id: InvoiceId


class ChangedInvoice(Refused):
    """The invoice was imported before with another content."""


class Invoice(Value):
    """Only what tells a repetition from a change."""

    digest: str


invoice = EventSourced(Invoice, InvoiceId)


def digest(content: InvoiceContent) -> str:
    """Identifies the content, whatever the order of its lines."""
    lines = sorted(msgspec.json.encode(line) for line in content.lines)
    head = f"{content.kind}|{content.date.date()}|{content.customer_id}|{content.country}"
    return hashlib.blake2b(b"\n".join((head.encode(), *lines)), digest_size=16).hexdigest()


@invoice.decides
def take_over(state: Invoice | None, command: ImportInvoice) -> InvoiceImported | None:
    """Once; the same again is silence, another content under the same number is refused."""
    if state is None:
        return InvoiceImported.of(command)
    if state.digest != digest(command):
        raise ChangedInvoice(
            f"Invoice {command.number} was imported before with another content",
            allowed="correct it by a credit note",
        )
    return None


@invoice.evolves
def evolve(state: Invoice | None, event: InvoiceImported) -> Invoice:
    """Remember what was imported."""
    return Invoice(digest=digest(event))
