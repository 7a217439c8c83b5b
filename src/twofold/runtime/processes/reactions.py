"""Running reactions on what is stored: states and timers are decoded, triggers find theirs."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.context import Context
from twofold.domain.process import Then
from twofold.domain.reacting import react, refusal_reaction
from twofold.runtime.processes.instances import CameDue, Happened, Instance, Reactable, Retried
from twofold.wiring.reactings import Reacting
from twofold.wiring.wired import Wired


class Reactions:
    """The reactions of all processes of an application."""

    def __init__(self, wired: Wired) -> None:
        self._states = {
            reacting.name: msgspec.json.Decoder(reacting.process.state_type)
            for reacting in wired.reactings.values()
        }
        self._timers = {
            (reacting.name, kind.__name__): msgspec.json.Decoder(kind)
            for reacting in wired.reactings.values()
            for reaction in reacting.timers.values()
            for kind in reaction.kinds
        }

    def run(
        self, reacting: Reacting, instance: Instance, trigger: Reactable, context: Context
    ) -> Then[Any] | None:
        """What follows from ``trigger``. Raises whatever the reaction, or reading, raises."""
        process = reacting.process
        state = self._states[process.name].decode(instance.state) if instance.exists else None
        further: dict[str, Any] = {"context": context}
        if isinstance(trigger, Retried):
            trigger = trigger.trigger
        if isinstance(trigger, Happened):
            reaction = reacting.events.get(trigger.recorded.type)
            further["meta"] = trigger.recorded
            return react(process, reaction, state, trigger.event, further)
        if isinstance(trigger, CameDue):
            pending = instance.timers[trigger.name]
            if pending.type not in reacting.timers:
                raise TypeError(f"no reaction of today takes {pending.type}")
            timer = self._timers[process.name, pending.type].decode(pending.data)
            return react(process, reacting.timers[pending.type], state, timer, further)
        reactions = reacting.refusals.get(type(trigger.command), ())
        further["refusal"] = trigger.refusal
        chosen = refusal_reaction(reactions, trigger.refusal)
        return react(process, chosen, state, trigger.command, further)
