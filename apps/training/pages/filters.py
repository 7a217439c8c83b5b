"""What lists of programs and offers are narrowed by."""

from __future__ import annotations

from twofold.http.pages.forms import Field
from twofold.http.pages.list_page import Switch

DAYS = (Field("from", "From", kind="date"), Field("to", "To", kind="date"))
PRICES = (
    Field("minPrice", "Least price", kind="decimal"),
    Field("maxPrice", "Most", kind="decimal"),
)
FREE = Switch("Places", "freePlaces", "with free places")
