"""A library, made so that it uses everything the core offers: tests run on it.

Books are lent (event-sourced, ids chosen by the caller, facts asked before deciding), shelves are
state-stored, authors feed a model of another stream, and every way to find a document is used.
"""

from __future__ import annotations

from typing import NewType

from twofold import (
    Application,
    Command,
    Context,
    Event,
    EventSourced,
    Facet,
    Filter,
    Key,
    Module,
    Projection,
    ReadModel,
    Recorded,
    Refused,
    Search,
    Sort,
    Sources,
    StateStored,
    Value,
    anyone,
    internal,
)

BookId = NewType("BookId", str)
AuthorId = NewType("AuthorId", str)
ShelfId = NewType("ShelfId", str)


class Described(Value):
    title: Sort[Search[str]]
    author_id: Filter[AuthorId]
    subjects: tuple[str, ...] = ()


class Register(Described, Command):
    book_id: BookId


class Lend(Command):
    book_id: BookId
    reader: str


class Return(Command):
    book_id: BookId


class Discard(Command):
    book_id: BookId


class Registered(Described, Event): ...


class Lent(Event):
    reader: str


class Returned(Event):
    reader: str


class Discarded(Event): ...


class AlreadyLent(Refused):
    """Somebody has the book."""


class UnknownAuthor(Refused):
    """Books are registered for authors who have a name."""


class Book(Described):
    reader: str = ""
    discarded: bool = False
    lent: int = 0


book = EventSourced(Book, BookId, snapshot_every=3)


async def author_of(command: Register, sources: Sources, context: Context) -> str:
    """The author's name, as the write side has it now."""
    known = await sources.states(author, [command.author_id])
    if command.author_id not in known:
        raise UnknownAuthor(f"{command.author_id} has no name yet")
    return known[command.author_id].name


@book.decides(given=author_of)
def register(state: None, command: Register, name: str) -> Registered:
    return Registered.of(command)


@book.decides
def lend(state: Book, command: Lend) -> Lent:
    if state.discarded:
        raise Refused("The book is gone")
    if state.reader:
        raise AlreadyLent(f"{state.reader} has it", details={"reader": state.reader})
    return Lent(reader=command.reader)


@book.decides
def give_back(state: Book, command: Return) -> Returned | None:
    return Returned(reader=state.reader) if state.reader else None


@book.decides
def discard(state: Book, command: Discard) -> tuple[Returned | Discarded, ...]:
    if state.discarded:
        return ()
    back = (Returned(reader=state.reader),) if state.reader else ()
    return (*back, Discarded())


@book.evolves
def begun(state: None, event: Registered) -> Book:
    return Book.of(event)


@book.evolves
def lent(state: Book, event: Lent) -> Book:
    return state.but(reader=event.reader, lent=state.lent + 1)


@book.evolves
def back(state: Book, event: Returned) -> Book:
    return state.but(reader="")


@book.evolves
def gone(state: Book, event: Discarded) -> Book:
    return state.but(discarded=True)


class NameAuthor(Command):
    author_id: AuthorId
    name: str


class Named(Event):
    name: str


class Author(Value):
    name: str


author = EventSourced(Author, AuthorId)


@author.decides
def name_author(state: Author | None, command: NameAuthor) -> Named | None:
    return None if state and state.name == command.name else Named(name=command.name)


@author.evolves
def named(state: Author | None, event: Named) -> Author:
    return Author(name=event.name)


class Stock(Command):
    shelf_id: ShelfId
    copies: int


class Stocked(Event):
    copies: int


class Shelf(Value):
    copies: int = 0


shelf = StateStored(Shelf, ShelfId)


@shelf.decides
def stock(state: Shelf | None, command: Stock) -> tuple[Shelf, Stocked]:
    copies = (state.copies if state else 0) + command.copies
    if copies < 0:
        raise Refused("The shelf is empty")
    return Shelf(copies=copies), Stocked(copies=command.copies)


class Entry(Described, ReadModel):
    book_id: Key[BookId]
    author: str = ""
    reader: Facet[str] = ""


class AuthorEntry(ReadModel):
    author_id: Key[AuthorId]
    name: str = ""
    books: Sort[int] = 0


class Subject(ReadModel):
    subject: Key[str]
    books: int = 0


class Reader(ReadModel):
    reader: Key[str]
    has: int = 0
    ever: int = 0


catalogue = Projection(Entry, name="catalogue")
authors = Projection(AuthorEntry, name="authors")
subjects = Projection(Subject, name="subjects")
readers = Projection(Reader, name="readers")


@catalogue.on
def listed(entry: Entry | None, event: Registered, meta: Recorded) -> Entry:
    return Entry.of(event, book_id=BookId(meta.stream_id))


@catalogue.on
def out(entry: Entry, event: Lent) -> Entry:
    return entry.but(reader=event.reader)


@catalogue.on
def here(entry: Entry, event: Returned) -> Entry:
    return entry.but(reader="")


@catalogue.on
def removed(entry: Entry, event: Discarded) -> None:
    return None


@catalogue.on(where=lambda entry: entry.author_id, equals=lambda event, meta: meta.stream_id)
def renamed(entry: Entry | None, event: Named) -> Entry | None:
    return entry.but(author=event.name) if entry else None


@authors.on
def known_as(entry: AuthorEntry | None, event: Named, meta: Recorded) -> AuthorEntry:
    return (entry or AuthorEntry(author_id=AuthorId(meta.stream_id))).but(name=event.name)


@authors.on(key=lambda event, meta: event.author_id)
def wrote(entry: AuthorEntry | None, event: Registered) -> AuthorEntry:
    entry = entry or AuthorEntry(author_id=event.author_id)
    return entry.but(books=entry.books + 1)


def by_subject(event: Registered, meta: Recorded) -> list[tuple[str, str]]:
    """Each subject once, as key and as part."""
    return [(subject, subject) for subject in dict.fromkeys(event.subjects)]


@subjects.on(each=by_subject)
def filed(subject: Subject | None, part: str) -> Subject:
    known = subject or Subject(subject=part)
    return known.but(books=known.books + 1)


@readers.on(key=lambda event, meta: event.reader)
def moved(reader: Reader | None, event: Lent | Returned) -> Reader:
    known = reader or Reader(reader=event.reader)
    if isinstance(event, Lent):
        return known.but(has=known.has + 1, ever=known.ever + 1)
    return known.but(has=known.has - 1)


COMMANDS = (Register, Lend, Return, Discard, NameAuthor, Stock)
app = Application(
    "library",
    Module("books", book, catalogue, subjects, readers),
    Module("authors", author, authors),
    Module("shelves", shelf),
    Module("doors", *(internal(command, may=anyone) for command in COMMANDS)),
    Module(
        "windows",
        *(internal(p.one, may=anyone) for p in (catalogue, authors, subjects, readers)),
        *(internal(p.page, may=anyone) for p in (catalogue, authors, subjects, readers)),
    ),
)
