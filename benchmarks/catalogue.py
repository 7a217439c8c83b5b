"""A catalogue of 100,000 offers: made up, the same at every run, for us and for the rival."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

OFFERS = 100_000
PROGRAMS = 1_000
CATEGORIES = (
    "safety",
    "digital",
    "leadership",
    "logistics",
    "languages",
    "crafts",
    "health",
    "law",
)
LEVELS = ("beginner", "intermediate", "advanced")
FIRST_DAY = date(2027, 1, 4)
_DAYS = 720
_FULL = 0.3


@dataclass(frozen=True, slots=True)
class CatalogueProgram:
    """What is taught."""

    program_id: str
    title: str
    description: str
    categories: tuple[str, ...]
    level: str
    trainer: str
    days: int


@dataclass(frozen=True, slots=True)
class CatalogueOffer:
    """A program on dates, with a price and places."""

    offer_id: str
    program: CatalogueProgram
    trainer: str
    price: Decimal
    begins: datetime
    ends: datetime
    maximum: int
    taken: int


def programs() -> list[CatalogueProgram]:
    """The programs that are offered."""
    chance = random.Random(7)
    return [
        CatalogueProgram(
            program_id=f"program-{number:05}",
            title=f"Training {number} in {CATEGORIES[number % len(CATEGORIES)]}",
            description="Participants learn what they need and apply it at once. " * 3,
            categories=tuple(chance.sample(CATEGORIES, chance.choice((1, 1, 2)))),
            level=chance.choice(LEVELS),
            trainer=f"Trainer {number % 60}",
            days=chance.choice((1, 2, 3, 5)),
        )
        for number in range(PROGRAMS)
    ]


def offers(count: int = OFFERS) -> Iterator[CatalogueOffer]:
    """The offers, spread over two years."""
    chance, known = random.Random(11), programs()
    for number in range(count):
        program = chance.choice(known)
        day = FIRST_DAY + timedelta(days=chance.randrange(_DAYS))
        begins = datetime.combine(day, time(9))
        maximum = chance.choice((6, 8, 12, 20))
        yield CatalogueOffer(
            offer_id=f"offer-{number:06}",
            program=program,
            trainer=f"Trainer {chance.randrange(60)}",
            price=Decimal(chance.randrange(100, 2_500)),
            begins=begins,
            ends=datetime.combine(day + timedelta(days=program.days - 1), time(17)),
            maximum=maximum,
            taken=maximum if chance.random() < _FULL else chance.randrange(maximum),
        )


def catalogue_paths(path: str = "/api/training-offers") -> list[str]:
    """Three filters, a sort, the total and facets; the first pages of each combination."""
    return [
        f"{path}?category={category}&level={level}&freePlaces=true&sortBy={sort}"
        f"&facets=category,level,status&page={page}"
        for category in CATEGORIES
        for level in LEVELS
        for sort, page in (("price", 0), ("date", 1))
    ]
