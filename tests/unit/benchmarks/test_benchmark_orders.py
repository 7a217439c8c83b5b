from __future__ import annotations

from benchmarks.orders import orders


def test_the_same_orders_come_from_every_run() -> None:
    assert list(orders(50)) == list(orders(50))


def test_a_shorter_run_is_the_beginning_of_a_longer_one() -> None:
    assert list(orders(20)) == list(orders(50))[:20]


def test_orders_have_five_lines_on_average() -> None:
    lines = [len(order.lines) for order in orders(2_000)]
    assert 4.8 < sum(lines) / len(lines) < 5.2
