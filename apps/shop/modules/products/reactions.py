"""Prices that begin at a time: when it has come, the product is told."""

from __future__ import annotations

from datetime import datetime

from shop.modules.products.contracts import ProductPriced, Sku
from shop.modules.products.domain import ApplyPrice
from twofold import Process, Recorded, Then, Timer, Value


class PriceBegins(Timer):
    """A price was set for this moment."""

    moment: datetime


class PriceTimes(Value):
    """Nothing but the product: the prices themselves are its own business."""

    sku: Sku


price_times = Process(PriceTimes)


@price_times.on
def priced(
    state: PriceTimes | None, event: ProductPriced, meta: Recorded
) -> Then[PriceTimes] | None:
    """Each price to come has its own timer; setting another for the same moment changes nothing."""
    if event.effective_from <= meta.time:
        return None
    times = PriceTimes(sku=Sku(meta.stream_id))
    begins = event.effective_from
    return Then(times).timer(PriceBegins(moment=begins), at=begins, name=begins.isoformat())


@price_times.due
def begun(state: PriceTimes, timer: PriceBegins) -> Then[PriceTimes]:
    """Which price it is the product knows."""
    return Then(state).send(ApplyPrice(sku=state.sku, moment=timer.moment))
