"""An event has waited no longer than since the log was last seen without it."""

from __future__ import annotations

import math

from twofold.runtime.heads import Heads


def test_the_last_look_without_an_event_counts() -> None:
    heads = Heads()
    for head, at in ((5, 1.0), (5, 2.0), (7, 3.0)):
        heads.saw(head, at)
    assert heads.without(6) == heads.without(7) == 2.0
    assert heads.without(8) == 3.0


def test_who_never_saw_the_log_without_it_does_not_know() -> None:
    heads = Heads()
    assert heads.without(1) == -math.inf
    heads.saw(5, 1.0)
    assert heads.without(5) == -math.inf


def test_a_look_that_was_overtaken_says_nothing() -> None:
    heads = Heads()
    for head, at in ((7, 3.0), (5, 2.0), (7, 1.0)):
        heads.saw(head, at)
    assert heads.without(8) == 3.0
    assert heads.without(6) == -math.inf


def test_of_many_looks_the_latest_stay_exact_and_the_first_is_not_forgotten() -> None:
    heads = Heads()
    for head in range(5_000):
        heads.saw(head, float(head))
    assert heads.without(4_999) == 4_998.0
    assert 0.0 <= heads.without(10) < 10
