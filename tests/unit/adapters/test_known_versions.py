"""What is known of versions is forgotten as soon as somebody else may have changed them."""

from __future__ import annotations

from twofold.adapters._sql.known_versions import KnownVersions


def test_what_was_committed_is_known_at_the_same_head() -> None:
    known = KnownVersions()
    known.moved(0, 3, {"a": 2, "b": 1})
    known.moved(3, 4, {"b": 2})
    assert known.at(4) == {"a": 2, "b": 2}


def test_another_head_makes_it_worthless() -> None:
    known = KnownVersions()
    known.moved(0, 3, {"a": 2})
    assert known.at(5) == {}


def test_after_a_strangers_append_only_what_was_seen_since_counts() -> None:
    known = KnownVersions()
    known.moved(0, 3, {"a": 2, "b": 1})
    known.moved(7, 8, {"b": 3})
    assert known.at(8) == {"b": 3}


def test_a_transaction_told_late_changes_nothing() -> None:
    known = KnownVersions()
    known.moved(3, 8, {"a": 5})
    known.moved(0, 3, {"a": 2})
    assert known.at(8) == {"a": 5}
    assert known.at(3) == {}
