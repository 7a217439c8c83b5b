"""What an offer's terms must be like."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from training.modules.offers.contracts import Dates, Terms
from twofold import Problem

CURRENCIES = (
    *("AUD", "BRL", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HUF", "JPY", "NOK", "NZD"),
    *("PLN", "SEK", "SGD", "USD", "ZAR"),
)
HIGHEST_PRICE = Decimal(1_000_000)
MOST_PARTICIPANTS = 10_000
USUAL_DEADLINE = timedelta(days=7)
_CENT = Decimal("0.01")


def price_problems(price: Decimal, currency: str) -> list[Problem]:
    """What is wrong with a price."""
    found = []
    if not 0 <= price <= HIGHEST_PRICE:
        found.append(Problem("price", f"must be from 0 to {HIGHEST_PRICE:,}"))
    elif price != price.quantize(_CENT):
        found.append(Problem("price", "may have at most two digits after the point"))
    if currency not in CURRENCIES:
        found.append(Problem("currency", f"one of {', '.join(CURRENCIES)}"))
    return found


def date_problems(dates: Dates) -> list[Problem]:
    """What is wrong with dates, whenever it is."""
    found = []
    if dates.begins >= dates.ends:
        field = "endTime" if dates.start_date == dates.end_date else "endDate"
        found.append(Problem(field, "must be after the start"))
    if dates.booking_deadline is not None and dates.booking_deadline > dates.begins:
        found.append(Problem("bookingDeadline", "must not be after the start"))
    return found


def problems(terms: Terms) -> list[Problem]:
    """Everything that is wrong with the terms."""
    found = price_problems(terms.price, terms.currency) + date_problems(terms)
    least, most = terms.minimum_participants, terms.maximum_participants
    if not 1 <= most <= MOST_PARTICIPANTS:
        found.append(Problem("maximumParticipants", f"must be from 1 to {MOST_PARTICIPANTS:,}"))
    if not 1 <= least <= max(most, 1):
        found.append(Problem("minimumParticipants", "must be from 1 to maximumParticipants"))
    return found


def deadline(dates: Dates, now: datetime) -> datetime:
    """Until when it can be booked: as given, else a week before, else until the start."""
    if dates.booking_deadline is not None:
        return dates.booking_deadline
    usual = dates.begins - USUAL_DEADLINE
    return usual if usual > now else dates.begins
