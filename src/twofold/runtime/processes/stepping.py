"""Taking steps of many instances at once: loaded together, decided in memory, appended together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from twofold.errors import ProcessFailed
from twofold.ports.agenda import RETRY, Agenda
from twofold.ports.log import Append, Appended, AppendOutcome
from twofold.runtime.processes.instances import CameDue, Instances, Trigger, WasRefused
from twofold.runtime.processes.steps import Steps
from twofold.runtime.streams import StreamState
from twofold.runtime.writer import Writer
from twofold.wiring.reactings import Reacting

Work = Mapping[str, Sequence[Trigger]]
Writing = tuple[str, Append, "asyncio.Future[AppendOutcome]"]
_TOGETHER = 100


class Stepping:
    """Takes the steps of this process; ``committed`` is told each append that holds.

    Whatever comes twice, here or in another process, meets either an instance that has taken its
    step already, or a version that has moved on; then it is loaded and looked at again.
    """

    def __init__(
        self,
        reactings: Mapping[str, Reacting],
        instances: Instances,
        steps: Steps,
        writer: Writer,
        agenda: Agenda,
        committed: Callable[[Append], None],
    ) -> None:
        self._reactings = {reacting.category: reacting for reacting in reactings.values()}
        self._instances = instances
        self._steps = steps
        self._writer = writer
        self._agenda = agenda
        self._committed = committed

    async def take(self, work: Work) -> dict[str, ProcessFailed]:
        """Take the steps that the triggers of each stream lead to, in order.

        Answers what failed, by stream; there, the triggers from the failed one on are open. (A
        reaction that raises is no such failure: its instance is stuck, which is a step.)
        Raises StoreUnavailable, ShuttingDown.
        """
        failed: dict[str, ProcessFailed] = {}
        while work:
            states = await self._instances.load(work)
            open_ids = await self._open_commands(work)
            writing: list[Writing] = []
            for number, (stream, triggers) in enumerate(work.items(), 1):
                if number % _TOGETHER == 0:
                    # The writer begins with what is decided while the rest is being decided.
                    await asyncio.sleep(0)
                try:
                    await self._decide(stream, triggers, states[stream], open_ids, writing)
                except ProcessFailed as exc:
                    failed[stream] = exc
            moved = await self._written(writing)
            work = {stream: triggers for stream, triggers in work.items() if stream in moved}
        return failed

    async def _decide(
        self,
        stream: str,
        triggers: Sequence[Trigger],
        state: StreamState,
        open_ids: frozenset[str],
        writing: list[Writing],
    ) -> None:
        reacting = self._reactings[stream.partition(":")[0]]
        for trigger in triggers:
            if isinstance(trigger, WasRefused) and trigger.queued.command_id not in open_ids:
                continue
            if isinstance(trigger, CameDue) and trigger.name == RETRY:
                key = stream.partition(":")[2]
                again = await self._instances.retried(reacting.name, key, state.state)
                if again is None:
                    continue
                trigger = again
            append = self._steps.take(reacting, stream, state, trigger)
            if append is not None:
                writing.append((stream, append, self._writer.write(append, state)))

    async def _open_commands(self, work: Work) -> frozenset[str]:
        """Commands not answered yet. Read after the instances: answering one moves its instance."""
        asked = [
            s for s, triggers in work.items() if any(isinstance(t, WasRefused) for t in triggers)
        ]
        if not asked:
            return frozenset()
        queued = await self._agenda.queued(asked)
        return frozenset(command.command_id for found in queued.values() for command in found)

    async def _written(self, writing: Sequence[Writing]) -> set[str]:
        """Streams whose instances had moved on before our append."""
        outcomes = await asyncio.gather(*(f for _, _, f in writing), return_exceptions=True)
        moved: set[str] = set()
        errors = []
        for (stream, append, _), outcome in zip(writing, outcomes, strict=True):
            if isinstance(outcome, Appended):
                self._committed(append)
            elif isinstance(outcome, BaseException):
                errors.append(outcome)
            else:
                moved.add(stream)
        if errors:
            raise errors[0]
        return moved
