"""How values are shown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

_SPANS = (("minute", 60, 60), ("hour", 3600, 24), ("day", 86400, 31))
_SIGNS = {"GBP": "£", "EUR": "€", "USD": "$"}


def as_time(value: Any) -> datetime | None:
    """A time from a document (RFC 3339) or a datetime; None stays None."""
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromisoformat(str(value)).astimezone(UTC)


def money(amount: Any, currency: str = "") -> str:
    """``1234.5, GBP`` → ``£1,234.50``; at least two places, never fewer than there are."""
    if amount is None:
        return "–"  # noqa: RUF001
    number = Decimal(str(amount))
    exponent = number.as_tuple().exponent
    places = max(2, -exponent) if isinstance(exponent, int) else 2
    sign = "-" if number < 0 else ""
    unit = _SIGNS.get(currency, f"{currency} " if currency else "")
    return f"{sign}{unit}{abs(number):,.{places}f}"


def number(value: Any) -> str:
    """``1234`` → ``1,234``."""
    return f"{Decimal(str(value)):,}"


def exact_time(value: Any) -> str:
    """``2 Jan 2026, 10:42:07 UTC``."""
    when = as_time(value)
    return f"{when.day} {when:%b %Y, %H:%M:%S} UTC" if when else ""


def day(value: Any) -> str:
    """``2 Jan 2026``."""
    when = value if isinstance(value, date) else as_time(value)
    return f"{when.day} {when:%b %Y}" if when else ""


def relative_time(value: Any, now: datetime) -> str:
    """``5 minutes ago``, ``in 2 days``; the day beyond a month."""
    when = as_time(value)
    if when is None:
        return ""
    seconds = (now - when).total_seconds()
    if abs(seconds) < _SPANS[0][1]:
        return "just now" if seconds >= 0 else "in a moment"
    for unit, size, limit in _SPANS:
        count = int(abs(seconds) // size)
        if count < limit:
            span = plural(count, unit)
            return f"{span} ago" if seconds > 0 else f"in {span}"
    return day(when)


def words(text: Any) -> str:
    """``pending-payment`` → ``pending payment``."""
    return str(text).replace("-", " ").replace("_", " ")


def plural(count: int, noun: str) -> str:
    """``1, order`` → ``1 order``; ``2, order`` → ``2 orders``; ``2, entry|entries`` likewise."""
    one, _, many = noun.partition("|")
    return f"{number(count)} {one if count == 1 else many or f'{one}s'}"


def times(price: Any, quantity: int) -> Decimal:
    """The amount of a line, exact."""
    return Decimal(str(price)) * quantity
