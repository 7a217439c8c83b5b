"""Code finds the version of a read model that it made."""

from __future__ import annotations

from twofold.ports.read_store import Checkpoint
from twofold.runtime.versions import version_of


def kept(*names: tuple[str, str]) -> dict[str, Checkpoint]:
    """Checkpoints by name, each made by code with a fingerprint."""
    return {name: Checkpoint(name, 5, 0, "epoch", made_by) for name, made_by in names}


def test_the_first_version_is_one() -> None:
    version = version_of("orders", "a", {})
    assert (version.number, version.others, version.outdated) == (1, (), False)


def test_the_same_code_goes_on_with_its_version() -> None:
    version = version_of("orders", "a", kept(("orders_1", "a"), ("orders_2", "b")))
    assert (version.number, version.others, version.outdated) == (1, (2,), False)


def test_changed_code_gets_a_version_of_its_own() -> None:
    version = version_of("orders", "c", kept(("orders_1", "a"), ("orders_2", "b")))
    assert (version.number, version.others, version.outdated) == (3, (1, 2), True)


def test_going_back_and_forth_makes_no_new_versions() -> None:
    known = kept(("orders_1", "a"), ("orders_2", "b"), ("orders_3", "a"))
    assert version_of("orders", "a", known).number == 3


def test_other_projections_with_similar_names_are_left_alone() -> None:
    known = kept(("orders_lines_1", "a"), ("old_orders_7", "a"), ("orders_x", "a"))
    assert version_of("orders", "a", known).number == 1
