"""Programs: what was released. A program has the id of its proposal, so none is released twice."""

from __future__ import annotations

from training.modules.programs.contracts import (
    AuthorId,
    Content,
    ProgramEvent,
    ProgramId,
    ProgramReleased,
    ProgramUpdated,
    ProgramWithdrawn,
    Reason,
)
from training.modules.programs.specification import shortcomings
from twofold import Command, EventSourced, InvalidInput, Owner, Problem, Refused, Value


class NotReleasable(Refused):
    """The texts fail the release specification."""


class ProgramIsWithdrawn(Refused):
    """A withdrawn program stays as it is."""


class ReleaseProgram(Content, Command):
    """Make an accepted proposal a program."""

    program_id: ProgramId
    author: AuthorId


class ImportProgram(Content, Command):
    """Take over a program of another system as it stands there."""

    program_id: ProgramId
    author: AuthorId


class UpdateProgram(Content, Command):
    """Replace what a program says, as a new revision."""

    program_id: ProgramId


class WithdrawProgram(Command):
    """Offer it no more."""

    program_id: ProgramId
    reason: Reason


class Program(Content):
    """What decisions on a program need to know."""

    author: Owner[AuthorId]
    revision: int = 1
    withdrawn: bool = False


class ProgramAnswer(Value):
    """What a command on a program answers."""

    program_id: str
    revision: int
    withdrawn: bool


program = EventSourced(Program, ProgramId)


@program.answers
def answer(program_id: str, state: Program) -> ProgramAnswer:
    """Id and revision."""
    return ProgramAnswer.of(state, program_id=program_id)


@program.decides
def release(state: Program | None, command: ReleaseProgram) -> ProgramReleased | None:
    """Once, whatever happened to it since. All failures of the specification are told together."""
    if state is not None:
        return None
    found = shortcomings(command)
    if found:
        listed = "; ".join(f"{one.field}: {one.message}" for one in found)
        raise NotReleasable(
            f"The texts are not ready: {listed}",
            allowed="edit the proposal and submit it again",
            details={"shortcomings": [dict(one) for one in found]},
        )
    return ProgramReleased.of(command)


@program.decides
def take_over(
    state: Program | None, command: ImportProgram
) -> ProgramReleased | ProgramUpdated | None:
    """Released elsewhere, so nothing is specified here; another content is a new revision."""
    if state is None:
        return ProgramReleased.of(command)
    updated = ProgramUpdated.of(command, revision=state.revision + 1)
    same = updated == ProgramUpdated.of(state, revision=updated.revision)
    return None if same or state.withdrawn else updated


@program.decides
def update(state: Program, command: UpdateProgram) -> ProgramUpdated | None:
    """What is released stays releasable."""
    if state.withdrawn:
        raise ProgramIsWithdrawn(
            "A withdrawn program can't be updated", allowed="draft a new proposal"
        )
    found = shortcomings(command)
    if found:
        raise InvalidInput([Problem(one.field, one.message) for one in found])
    updated = ProgramUpdated.of(command, revision=state.revision + 1)
    return None if updated == ProgramUpdated.of(state, revision=updated.revision) else updated


@program.decides
def withdraw(state: Program, command: WithdrawProgram) -> ProgramWithdrawn:
    """Once."""
    if state.withdrawn:
        raise ProgramIsWithdrawn("The program was withdrawn before", allowed="nothing more to do")
    return ProgramWithdrawn(reason=command.reason)


@program.evolves
def evolve(state: Program | None, event: ProgramEvent) -> Program:
    """What happened, as state."""
    if isinstance(event, ProgramReleased):
        return Program.of(event)
    assert state is not None
    if isinstance(event, ProgramUpdated):
        return Program.of(event, state)
    return state.but(withdrawn=True)
