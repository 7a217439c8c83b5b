"""Every mistake in declarations is reported at start, with its file and line, all together."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

from twofold.errors import Mistake, WiringProblems
from twofold.wiring.wired import wire

SOUND = """
from typing import NewType
from twofold import *

DogId = NewType("DogId", str)
class Adopt(Command):
    name: Sort[str]
class Walk(Command):
    dog_id: DogId
class Adopted(Event):
    name: str
class Walked(Event):
    ...
class Dog(Value):
    name: str
    walks: int = 0
class DogPage(ReadModel):
    dog_id: Key[DogId]
    name: Sort[str]
    owner: Filter[str] = ""
dog = EventSourced(Dog, DogId)
dogs = Projection(DogPage)
@dog.decides
def adopt(state: None, command: Adopt) -> Adopted:
    return Adopted(name=command.name)
@dog.decides
def walk(state: Dog, command: Walk) -> Walked:
    return Walked()
@dog.evolves
def adopted(state: None, event: Adopted) -> Dog:
    return Dog(name=event.name)
@dog.evolves
def walked(state: Dog, event: Walked) -> Dog:
    return state.but(walks=state.walks + 1)
@dogs.on
def shown(page: DogPage | None, event: Adopted, meta: Recorded) -> DogPage:
    return DogPage(dog_id=DogId(meta.stream_id), name=event.name)
@dogs.on
def same(page: DogPage, event: Walked) -> DogPage:
    return page
ROUTES = [
    post("/dogs", Adopt, may=anyone),
    post("/dogs/{dogId}/walk", Walk, may=anyone),
    get("/dogs", dogs.page, may=anyone),
    get("/dogs/{id}", dogs.one, may=anyone),
]
"""
PARTS = """
parts = globals().get("app_parts", [])
app = Application("dogs", Module("dogs", dog, dogs, *ROUTES, *parts))
"""


def mistakes_made() -> list[tuple[str, str]]:
    """The words of each mistake, and the source that makes it; "#@" marks the line it tells of."""
    text = Path(__file__).with_name("mistakes.txt").read_text("utf-8")
    sections = [section.partition("\n") for section in text.split("--- ")[1:]]
    return [(words, source) for words, _, source in sections]


ADDED = mistakes_made()


def mistakes_of(folder: Path, source: str) -> tuple[list[Mistake], Path, list[str]]:
    """What wiring the module with this source complains about."""
    file = folder / "dogs_module.py"
    file.write_text(source)
    spec = importlib.util.spec_from_file_location("dogs_module", file)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        # Where annotations are looked up.
        patch.setitem(sys.modules, "dogs_module", module)
        spec.loader.exec_module(module)
        with pytest.raises(WiringProblems) as raised:
            wire(module.app)
    return list(raised.value.mistakes), file, source.splitlines()


@pytest.mark.parametrize(("words", "added"), ADDED, ids=[words[:50] for words, _ in ADDED])
def test_the_mistake_is_told_with_its_place(tmp_path: Path, words: str, added: str) -> None:
    mistakes, file, lines = mistakes_of(tmp_path, SOUND + added + PARTS)
    (told,) = [m for m in mistakes if words in m.message] or mistakes
    assert words in told.message
    assert told.file == str(file)
    marked = [number for number, line in enumerate(lines, 1) if line.endswith("#@")]
    if marked:
        assert told.line == marked[0], str(told)
    assert told.line > 0


def test_a_mistake_brings_no_others_with_it(tmp_path: Path) -> None:
    """One mistake, one message: nobody has to guess which of several came first."""
    noisy = {}
    for words, added in ADDED:
        mistakes, _, _ = mistakes_of(tmp_path, SOUND + added + PARTS)
        if len(mistakes) > 1:
            noisy[words] = [m.message for m in mistakes]
    assert noisy == {}


def test_all_mistakes_are_told_together_in_the_order_of_the_source(tmp_path: Path) -> None:
    wanted = ["again decides Walk", "more folds Walked", "KeyLess needs", "the path 'walks'"]
    added = "".join(next(a for w, a in ADDED if words in w) for words in wanted)
    mistakes, file, _ = mistakes_of(tmp_path, SOUND + added + PARTS)
    assert len(mistakes) == 4
    assert [words in m.message for words, m in zip(wanted, mistakes, strict=True)] == [True] * 4
    text = str(WiringProblems(mistakes))
    assert text.count(f"{file}:") >= 4


def test_a_sound_application_has_no_mistakes(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        mistakes_of(tmp_path, SOUND + PARTS)


HARMLESS = """
import enum, typing
Size = enum.StrEnum("Size", ["large"])
class Bowl(Value):
    size: Size | str = Size.large
    litres: float = 0.5
    label: str | None = None
    dog_id: DogId | None = None
    kind: typing.Literal["deep"] = "deep"
class Feed(Command):
    dog_id: DogId
ROUTES.append(internal(Feed, may=anyone))
@dog.decides
def feed(state: Dog, command: Feed) -> Walked:
    Bowl(size="other", litres=1, label=None, dog_id="1", kind="deep")
    Dog(**state)
    Dog(**{"name": "Rex"})
    Dog.of(state)
    bowls(print)
    return Walked()
def bowls(Dog, state: Feed | Dog = None) -> None:
    Bowl = Dog
    Dog(sep="")
    Bowl(sep="")
    if isinstance(state, Feed):
        state.but(anything=1)
def never_called() -> None:
    Dog(nothing=1)
"""


def test_what_cannot_be_told_from_the_source_alone_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        mistakes_of(tmp_path, SOUND + HARMLESS + PARTS)
