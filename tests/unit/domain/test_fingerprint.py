"""A fingerprint changes when what is computed may change, and only then."""

from __future__ import annotations

import subprocess
import sys
import types
from typing import Any

import pytest

from twofold.domain.fingerprint import fingerprint

BASE = """
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from functools import partial
from operator import attrgetter
import ledger_rules
import twofold as tf

VAT = Decimal("0.2")
RATES = {"DE": 19, "FR": 20}
ORDERED = ["a", "b"]
KINDS = frozenset({"x", "y"})

class Status(Enum):
    OPEN = "open"

class Money(tf.Value):
    cents: int

    @property
    def rounded(self):
        return self.cents // 10

    def plus(self, other):
        return self.cents + other

def gross(net):
    return net * (1 + VAT)

def scaled(factor):
    def by(value):
        return value * factor
    return by

HANDLERS = {"gross": gross}
twice = scaled(2)
tenth = partial(pow, 10)
pick = attrgetter("net")

def fold(state, event, limit=3):
    "What it does."
    kinds = [kind for kind in KINDS if kind != "x"]
    if event.status is Status.OPEN:
        return twice(state) + tenth(2) + pick(event) + ledger_rules.fee(state)
    total = Money(cents=3).plus(1) + HANDLERS["gross"](RATES["DE"]) + len(ORDERED)
    return min(total, limit), kinds
"""
RULES = """
def fee(amount):
    return amount + 1
def unused(amount):
    return 0
"""


def module(name: str, source: str) -> types.ModuleType:
    """A module of the application's package, made from source."""
    made = types.ModuleType(name)
    exec(compile(source, f"{name}.py", "exec"), made.__dict__)
    return made


def of(source: str = BASE, rules: str = RULES) -> str:
    """The fingerprint of ``fold``."""
    with pytest.MonkeyPatch.context() as patch:
        # One package, two modules.
        made = module("ledger_rules", rules)
        patch.setitem(sys.modules, "ledger_rules", made)
        made.__name__ = "ledger.rules"
        made.fee.__module__ = "ledger.rules"
        main: Any = types.ModuleType("ledger.main")
        exec(compile(source, "main.py", "exec"), main.__dict__)
        return fingerprint([main.fold], [main.Money])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"What it does."', '"Something else."'),
        ('"What it does."', '"What it does."  # and why'),
        ("    return net * (1 + VAT)", "\n\n    return net * (\n        1 + VAT\n    )"),
        ('KINDS = frozenset({"x", "y"})', 'KINDS = frozenset({"y", "x"})'),
        ("import twofold as tf\n", "import twofold as tf\nUNUSED = 1\n"),
    ],
)
def test_it_is_stable_over(before: str, after: str) -> None:
    assert before in BASE
    assert of(BASE.replace(before, after)) == of()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("min(total, limit)", "max(total, limit)"),
        ("limit=3", "limit=4"),
        ('kind != "x"', 'kind != "y"'),
        ('Decimal("0.2")', 'Decimal("0.19")'),
        ('"DE": 19', '"DE": 16'),
        ('["a", "b"]', '["b", "a"]'),
        ('{"x", "y"}', '{"x", "z"}'),
        ('"open"', '"opened"'),
        ("self.cents + other", "self.cents - other"),
        ("self.cents // 10", "self.cents // 100"),
        ("cents: int", "cents: int\n    currency: str = ''"),
        ("net * (1 + VAT)", "net * (2 + VAT)"),
        ("scaled(2)", "scaled(3)"),
        ("value * factor", "value / factor"),
        ("partial(pow, 10)", "partial(pow, 100)"),
        ('attrgetter("net")', 'attrgetter("gross")'),
    ],
)
def test_it_notices_a_change_in(before: str, after: str) -> None:
    assert before in BASE
    assert of(BASE.replace(before, after)) != of()


def test_it_follows_calls_into_modules_of_the_package() -> None:
    assert of(rules=RULES.replace("amount + 1", "amount + 2")) != of()
    assert of(rules=RULES.replace("return 0", "return 5")) == of()


def test_it_is_the_same_in_every_process() -> None:
    code = (
        "from tests.library import app\n"
        "from twofold.wiring.wired import wire\n"
        "wired = wire(app)\n"
        "print(wired.fingerprints, {n: f.fingerprint for n, f in wired.foldings.items()})\n"
    )
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(answers) == 1
