"""What other modules may ask this one."""

from __future__ import annotations

from training.modules.programs.contracts import ProgramId, ProgramState
from training.modules.programs.program import program
from twofold import Sources


async def program_state(sources: Sources, program_id: ProgramId) -> ProgramState:
    """Whether there is such a program, as the write side has it."""
    found = (await sources.states(program, [program_id])).get(program_id)
    if found is None:
        return ProgramState.UNKNOWN
    return ProgramState.WITHDRAWN if found.withdrawn else ProgramState.RELEASED
