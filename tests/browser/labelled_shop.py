"""The shop with parcel labels, whose fold fails on a heavy order until it is mended
(``TWOFOLD_TEST_MENDED``)."""

from __future__ import annotations

import os

import twofold as tf
from shop.main import app as shop
from shop.modules.orders.contracts import (
    DraftChanged,
    OrderCancelled,
    OrderDelivered,
    OrderDrafted,
    OrderId,
    OrderPlaced,
    OrderRefunded,
    OrderShipped,
    PaymentConfirmed,
    ProcessingStarted,
)

_HEAVY = 13


class Label(tf.ReadModel):
    """What is glued on an order's parcel."""

    order_id: tf.Key[OrderId]
    text: str


labels = tf.Projection(Label, name="label")
labels.ignores(
    DraftChanged,
    OrderCancelled,
    OrderDelivered,
    OrderDrafted,
    OrderRefunded,
    OrderShipped,
    PaymentConfirmed,
    ProcessingStarted,
)


@labels.on
def printed(label: Label | None, event: OrderPlaced, meta: tf.Recorded) -> Label:
    pieces = sum(line.quantity for line in event.lines)
    if pieces == _HEAVY and not os.environ.get("TWOFOLD_TEST_MENDED"):
        raise ValueError(f"{pieces} pieces do not fit on a label")
    return Label(order_id=OrderId(meta.stream_id), text=f"{event.number}: {pieces} pieces")


module = tf.Module("labels", labels, tf.get("/labels/{id}", labels.one, may=tf.anyone))
app = tf.Application("shop", *shop.modules, module, title=shop.title, accounts=shop.accounts)
