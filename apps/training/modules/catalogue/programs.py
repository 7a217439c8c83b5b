"""What documents of the catalogue know of a program."""

from __future__ import annotations

from typing import Annotated, TypeVar

from training.modules.catalogue.registers import Registers, noted
from training.modules.programs.contracts import (
    Content,
    Level,
    ProgramEvent,
    ProgramId,
    ProgramWithdrawn,
)
from twofold import Between, Facet, Filter, Parameter, Recorded, Search, Sort

CONTENT, WITHDRAWN = "program", "withdrawn"


class OfProgram(Registers):
    """A program as far as others know it: ``details_pending`` until it was released.

    Fields named as in ``Content`` are taken over from there.
    """

    program_id: Annotated[Filter[ProgramId], Parameter("program")]
    details_pending: bool = True
    active: Facet[bool] = True
    title: Sort[Search[str]] = ""
    categories: Annotated[Facet[tuple[str, ...]], Parameter("category")] = ()
    level: Facet[Level | None] = None
    duration_in_days: Annotated[
        Sort[int], Between("minDuration", "maxDuration"), Parameter("duration")
    ] = 0
    description: Search[str] = ""


P = TypeVar("P", bound=OfProgram)


def with_program(document: P, event: ProgramEvent, meta: Recorded) -> P:
    """The document after something happened to its program."""
    register = WITHDRAWN if isinstance(event, ProgramWithdrawn) else CONTENT
    if not document.due([register], meta.version):
        return document
    if isinstance(event, ProgramWithdrawn):
        return noted(document, [register], meta.version, {"active": False})
    return noted(document, [register], meta.version, {"details_pending": False, **_content(event)})


def with_known(document: P, known: OfProgram | None) -> P:
    """The document with what was kept of its program."""
    if known is None:
        return document
    of_content, of_end = known.seen.get(CONTENT, 0), known.seen.get(WITHDRAWN, 0)
    if document.due([CONTENT], of_content):
        details = {"details_pending": False, **_content(known)}
        document = noted(document, [CONTENT], of_content, details)
    if document.due([WITHDRAWN], of_end):
        document = noted(document, [WITHDRAWN], of_end, {"active": False})
    return document


def _content(source: Content | OfProgram) -> dict[str, object]:
    shared = (name for name in Content.__struct_fields__ if name in source.__struct_fields__)
    return {name: source[name] for name in shared}
