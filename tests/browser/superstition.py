"""The bookings with signs for their offers, whose fold fails on thirteen places until it is mended
(``TWOFOLD_TEST_MENDED``)."""

from __future__ import annotations

import os

import twofold as tf
from tests.bookings import OfferId, PlaceHeld, PlaceReleased, Published
from tests.bookings import app as bookings


class Sign(tf.ReadModel):
    """What stands at the door of an offer."""

    offer_id: tf.Key[OfferId]
    text: str
    free: int


signs = tf.Projection(Sign)


@signs.on
def painted(sign: Sign | None, event: Published, meta: tf.Recorded) -> Sign:
    if event.places == 13 and not os.environ.get("TWOFOLD_TEST_MENDED"):
        raise ValueError("13 places can't be put on a sign")
    text = f"{event.places} places"
    return Sign(offer_id=OfferId(meta.stream_id), text=text, free=event.places)


@signs.on
def changed(sign: Sign, event: PlaceHeld | PlaceReleased) -> Sign:
    return sign.but(free=sign.free + (-1 if isinstance(event, PlaceHeld) else 1))


app = tf.Application(
    "bookings",
    *bookings.modules,
    tf.Module(
        "signs",
        signs,
        tf.get("/signs/{id}", signs.one, may=tf.anyone, fresh=tf.Fresh(seconds=0.2)),
        tf.get("/signs", signs.page, may=tf.anyone, fresh=tf.Fresh(seconds=2, share=0.999)),
    ),
    title="Bookings",
    accounts=(
        tf.Account("operator", "Otis Operator", ("operator",)),
        tf.Account("operator2", "Olga Operator", ("operator",)),
        tf.Account("customer", "Carla Customer", ("customer",)),
    ),
)
