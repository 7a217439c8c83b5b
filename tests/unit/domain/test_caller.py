"""Rules say who may, and combine."""

from __future__ import annotations

import pytest

from twofold import NOBODY, SYSTEM, Caller, Rule, anyone, own, role, signed_in
from twofold.errors import Forbidden, SignInRequired

ANN = Caller("ann")
RITA = Caller("rita", roles=frozenset({"reviewer"}))


@pytest.mark.parametrize(
    ("rule", "caller"),
    [
        (anyone, NOBODY),
        (anyone, ANN),
        (signed_in, ANN),
        (role("reviewer", "admin"), RITA),
        (role("reviewer") | own, RITA),
        (signed_in, SYSTEM),
    ],
)
def test_who_is_admitted_is_not_limited(rule: Rule, caller: Caller) -> None:
    assert rule.check("op", caller) is False


@pytest.mark.parametrize("rule", [own, role("reviewer") | own])
def test_owners_are_limited_to_what_is_theirs(rule: Rule) -> None:
    assert rule.check("op", ANN) is True


def test_owners_can_be_those_with_a_role() -> None:
    rule = role("admin") | (role("reviewer") & own)
    assert rule.check("op", RITA) is True
    assert rule.check("op", Caller("ada", roles=frozenset({"admin"}))) is False
    with pytest.raises(Forbidden, match="op is for admin or reviewer and the owner"):
        rule.check("op", ANN)
    assert (role("reviewer") & signed_in).check("op", RITA) is False


@pytest.mark.parametrize("rule", [signed_in, own, role("reviewer"), role("x") | own])
def test_nobody_is_asked_to_sign_in(rule: Rule) -> None:
    with pytest.raises(SignInRequired):
        rule.check("op", NOBODY)


def test_who_lacks_the_role_is_told_for_whom_it_is() -> None:
    with pytest.raises(Forbidden, match="op is for reviewer or admin"):
        role("reviewer", "admin").check("op", ANN)
    assert (role("a") | signed_in | own).text == "a or whoever is signed in or the owner"
