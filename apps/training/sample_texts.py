"""Texts of sample programs: made up, and good enough to be released."""

from __future__ import annotations

import random

from training.modules.programs.contracts import Content, Level

TOPICS: dict[str, tuple[str, ...]] = {
    "safety": ("Working at heights", "Fire wardens", "Safe lifting with cranes", "First aid"),
    "digital": ("Python for engineers", "Spreadsheets that last", "Data protection", "SQL basics"),
    "leadership": ("First time in charge", "Difficult conversations", "Coaching colleagues"),
    "logistics": ("Warehouse planning", "Customs in practice", "Forklift refresher"),
    "languages": ("Business Spanish", "Technical English", "German on the phone"),
    "crafts": ("Welding certificates", "Reading drawings", "Electrical inspection"),
}
_BESIDE = {"safety": "logistics", "crafts": "safety", "digital": "leadership"}
TRAINERS = ("Tessa Trent", "Omar Haddad", "Ines Duarte", "Bo Lindqvist", "Wanda Kowalska")
_VERBS = ("learn", "understand", "master", "apply", "demonstrate", "analyse", "evaluate")
_SETTINGS = ("a workshop", "the training yard", "small groups", "a simulated office", "pairs")
_DETAILS = (
    "which mistakes cost the most and how experienced colleagues avoid them",
    "what the rules demand, where they leave room, and whom to ask when in doubt",
    "how to prepare, carry out and document a task so that others can go on from there",
    "when to stop, how to say so, and what to do until help arrives",
    "how to tell good advice from bad and explain the difference to a customer",
)
_BLOCKS = (
    "Welcome, expectations and a short test of what everybody knows already",
    "Demonstration by the trainer with questions from the group",
    "Exercise on prepared cases; results are compared on the wall",
    "Discussion of accidents and near misses that really happened",
    "Practice under supervision until everybody has done it twice",
    "What changes on Monday: each participant writes down three things",
)


def content(number: int, chance: random.Random) -> Content:
    """The content of sample program ``number``."""
    category = list(TOPICS)[number % len(TOPICS)]
    names = TOPICS[category]
    name = names[number // len(TOPICS) % len(names)]
    level = list(Level)[number // 7 % 3]
    title = name if level is Level.BEGINNER else f"{name}, {level}"
    beside = _BESIDE.get(category)
    return Content(
        title=title,
        description=_description(name, chance),
        agenda=_agenda(chance),
        plan=_plan(name, chance),
        categories=(category, beside) if beside and number % 2 else (category,),
        level=level,
        trainer=chance.choice(TRAINERS),
        duration_in_days=chance.choice((1, 1, 2, 2, 3, 5)),
    )


def _description(name: str, chance: random.Random) -> str:
    first, second = chance.sample(_VERBS, 2)
    details = chance.sample(_DETAILS, 2)
    return (
        f"{name}: participants {first} in {chance.choice(_SETTINGS)} {details[0]}. They also "
        f"{second} {details[1]}. Bring questions from your own work; nothing else is needed."
    )


def _agenda(chance: random.Random) -> str:
    blocks = chance.sample(_BLOCKS, 4)
    lines = ["# Morning", *(f"- {b}" for b in blocks[:2])]
    return "\n".join([*lines, "# Afternoon", *(f"- {b}" for b in blocks[2:]), "- Farewell"])


def _plan(name: str, chance: random.Random) -> str:
    steps = chance.sample(_BLOCKS, 4)
    lines = [f"{number}. {step}." for number, step in enumerate(steps, 1)]
    closing = (
        f"The last session turns to {name.lower()} at the participants' own workplaces: what is "
        "there already, what is missing, who decides about it and by when it will be tried out."
    )
    return "\n".join([*lines, closing])
