"""What people do: random, with few things to do it to, so that much meets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from shop.modules.invoices.contracts import InvoiceId
from shop.modules.invoices.domain import ImportInvoice
from shop.modules.orders import domain as orders
from shop.modules.orders.contracts import CustomerId, Line, OrderId
from shop.modules.products import domain as products
from shop.modules.products.contracts import Sku
from tests import library
from tests.simulation.bad_days import Answered, Step
from twofold import Command

_SKUS = [Sku(sku) for sku in ("lamp", "chair", "desk")]
_DAY = datetime(2011, 8, 31, tzinfo=UTC)


def library_steps(seeds: Sequence[int]) -> list[Step]:
    """Books are registered, lent, returned and discarded; authors change their names."""
    return [_said(_library_command(Random(seed))) for seed in seeds]


def _library_command(chance: Random) -> Command:
    book = library.BookId(chance.choice("bcdef"))
    author = library.AuthorId(chance.choice("xyz"))
    match chance.randrange(7):
        case 0:
            return library.NameAuthor(author_id=author, name=chance.choice(("Ada", "Bo", "Cy")))
        case 1 | 2:
            subjects = tuple(chance.choice("mnop") for _ in range(chance.randrange(4)))
            return library.Register(
                book_id=book, title=f"On {book}", author_id=author, subjects=subjects
            )
        case 3 | 4:
            return library.Lend(book_id=book, reader=chance.choice(("rob", "sue")))
        case 5:
            return library.Return(book_id=book)
    return library.Discard(book_id=book)


def shop_steps(seeds: Sequence[int]) -> list[Step]:
    """Products for sale; orders go their way, or are called off; invoices come from elsewhere."""
    stocking: list[Command] = []
    for sku in _SKUS:
        stocking += [
            products.DraftProduct(sku=sku, title=sku.title()),
            products.PriceProduct(sku=sku, price=Decimal("2.50")),
            products.ActivateProduct(sku=sku),
        ]
    return [*map(_said, stocking), *(_shop_step(Random(seed)) for seed in seeds)]


def _shop_step(chance: Random) -> Step:
    place = _placing(chance)
    match chance.randrange(5):
        case 0:
            return _said(place)
        case 1:
            return _said(_product_command(chance))
        case 2:
            return _said(_invoice(chance))
    kind, number, amount = chance.randrange(6), chance.randrange(4), chance.randrange(1, 9)

    def move(made: Answered) -> Command:
        if not made:
            return place
        return _moving(kind, OrderId(made[number % len(made)]), Decimal(amount))

    return move


def _placing(chance: Random) -> Command:
    lines = tuple(
        orders.Wanted(sku=chance.choice(_SKUS), quantity=chance.randrange(1, 4))
        for _ in range(chance.randrange(1, 4))
    )
    customer = CustomerId(chance.choice(("carla", "chris")))
    return orders.PlaceOrder(customer_id=customer, country="Malta", lines=lines)


def _moving(kind: int, order: OrderId, amount: Decimal) -> Command:
    moves: list[Any] = [
        orders.ConfirmPayment(order_id=order),
        orders.StartProcessing(order_id=order),
        orders.Ship(order_id=order, tracking="T"),
        orders.Deliver(order_id=order),
        orders.CancelOrder(order_id=order),
        orders.Refund(order_id=order, amount=amount, reason="late"),
    ]
    command: Command = moves[kind]
    return command


def _product_command(chance: Random) -> Command:
    sku = chance.choice(_SKUS)
    if chance.randrange(4):
        return products.PriceProduct(sku=sku, price=Decimal(chance.randrange(1, 50)) / 10)
    return products.DescribeProduct(sku=sku, title=f"{sku} {chance.randrange(9)}")


def _invoice(chance: Random) -> Command:
    number = str(chance.randrange(5))
    line = Line(sku=chance.choice(_SKUS), title="?", quantity=2, unit_price=Decimal("1.995"))
    kind: Any = chance.choice(("invoice", "credit-note", "adjustment"))
    return ImportInvoice(
        invoice_id=InvoiceId(number),
        number=number,
        kind=kind,
        date=_DAY + timedelta(days=chance.randrange(3)),
        customer_id=chance.choice(("carla", "chris", "")),
        country="Malta",
        currency="GBP",
        lines=(line,),
    )


def _said(command: Command) -> Step:
    return lambda made: command
