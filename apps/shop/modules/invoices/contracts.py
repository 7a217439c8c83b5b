"""What other modules may know of imported invoices."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Literal, NewType

from shop.modules.orders.contracts import Line
from twofold import Event, Value

InvoiceId = NewType("InvoiceId", str)
Kind = Literal["invoice", "credit-note", "adjustment"]


class InvoiceContent(Value):
    """An invoice of another system. Credit notes have negative quantities."""

    number: str
    kind: Kind
    date: datetime
    customer_id: str
    country: str
    currency: str
    lines: tuple[Line, ...]

    @property
    def total(self) -> Decimal:
        """The sum of the lines, exact."""
        return sum((line.amount for line in self.lines), Decimal(0))


class InvoiceImported(InvoiceContent, Event):
    """An invoice was taken over as it stood."""
