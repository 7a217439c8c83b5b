"""An event has waited as long as its time tells, within what was seen of the log."""

from __future__ import annotations

import math

from twofold.runtime.heads import Heads


def test_the_last_look_without_an_event_counts() -> None:
    heads = Heads()
    for head, at in ((5, 1.0), (5, 2.0), (7, 3.0)):
        heads.saw(head, at, at)
    assert heads.without(6) == heads.without(7) == 2.0
    assert heads.without(8) == 3.0


def test_who_never_saw_the_log_without_it_does_not_know() -> None:
    heads = Heads()
    assert heads.without(1) == -math.inf
    heads.saw(5, 1.0, 1.0)
    assert heads.without(5) == -math.inf


def test_a_look_that_was_overtaken_says_nothing() -> None:
    heads = Heads()
    for head, at in ((7, 3.0), (5, 2.0), (7, 1.0)):
        heads.saw(head, at, at)
    assert heads.without(8) == 3.0
    assert heads.without(6) == -math.inf


def test_of_many_looks_the_latest_stay_exact_and_the_first_is_not_forgotten() -> None:
    heads = Heads()
    for head in range(5_000):
        heads.saw(head, float(head), float(head))
    assert heads.without(4_999) == 4_998.0
    assert 0.0 <= heads.without(10) < 10
    assert heads.since(4_999) == 4_999.0
    assert 10.0 <= heads.since(10) < 4_000


def test_an_event_has_waited_since_it_was_seen_whatever_clocks_say() -> None:
    heads = Heads()
    for head, asked, answered in ((5, 1.0, 2.0), (7, 10.0, 12.0), (7, 20.0, 21.0)):
        heads.saw(head, asked, answered)
    assert heads.waited(6, 25.0, now=30.0) == 25.0
    assert heads.waited(6, 4000.0, now=30.0) == 29.0
    assert heads.waited(6, -4000.0, now=30.0) == 18.0
    assert heads.waited(8, -4000.0, now=30.0) == 0.0
    # What was asked before the event came can be told of it afterwards.
    assert heads.waited(6, -1.0, now=11.0) == 0.0
