"""The catalogue: a query side, which decides nothing and is fed by events alone."""

from __future__ import annotations

from training.modules.catalogue.bookings import bookings
from training.modules.catalogue.discounts import discounts
from training.modules.catalogue.offers import desk, offers
from training.modules.catalogue.portfolio import portfolio, program_pages
from twofold import Fresh, Module, anyone, get, own, role

MANAGER = role("manager", "admin")
PARTICIPANT = role("participant") & own
_FRESH = Fresh(seconds=0.5, share=0.99)

module = Module(
    "catalogue",
    portfolio,
    program_pages,
    offers,
    desk,
    bookings,
    discounts,
    get("/api/training-programs", portfolio.page_by(lambda card: card.title), may=anyone),
    get("/api/training-programs/{programId}", program_pages.one, may=anyone, fresh=_FRESH),
    get("/api/training-offers", offers.page_by(lambda card: card.begins), may=anyone),
    get("/api/training-offers/{offerId}", offers.one, may=anyone, fresh=_FRESH),
    get("/api/offers", desk.page_by(lambda row: row.begins), may=MANAGER),
    get("/api/offers/{offerId}", desk.one, may=MANAGER),
    get(
        "/api/bookings",
        bookings.page_by(lambda row: row.booked_at, descending=True),
        may=PARTICIPANT | MANAGER,
    ),
    get("/api/bookings/{bookingId}", bookings.one, may=PARTICIPANT | MANAGER),
    get(
        "/api/discounts",
        discounts.page_by(lambda row: row.issued_at, descending=True),
        may=MANAGER,
    ),
)
