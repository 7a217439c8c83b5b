"""Process managers: each event, timer and refusal finds its reaction."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.process import Process, Reaction
from twofold.domain.references import classes_named
from twofold.domain.signatures import members, mistake, parameters
from twofold.errors import Mistake
from twofold.messages.recorded import stream_name
from twofold.messages.value import Command, Timer
from twofold.wiring.checking import readable, unique
from twofold.wiring.event_types import EventTypes
from twofold.wiring.foldings import names_of


class Reacting(msgspec.Struct, frozen=True):
    """A process and its reactions: by event type name, by timer class name, by command class."""

    process: Process[Any]
    events: dict[str, Reaction]
    timers: dict[str, Reaction]
    refusals: dict[type[Command], tuple[Reaction, ...]]

    @property
    def name(self) -> str:
        """The process's name."""
        return self.process.name

    @property
    def category(self) -> str:
        """The kind of stream in which its instances are kept."""
        return f"process-{self.process.name}"

    def stream(self, key: str) -> str:
        """The stream of the instance ``key``."""
        return stream_name(self.category, key)


def find_reactings(
    processes: list[Process[Any]],
    events: EventTypes,
    decided: frozenset[type[Command]],
    problems: list[Mistake],
) -> dict[str, Reacting]:
    """Every process with its reactions; what is wrong goes to ``problems``."""
    unique([(p.name, p.declared_at) for p in processes], "process manager", problems)
    return {p.name: _reacting(p, events, decided, problems) for p in processes}


def _reacting(
    process: Process[Any],
    events: EventTypes,
    decided: frozenset[type[Command]],
    problems: list[Mistake],
) -> Reacting:
    readable(process.state_type, "the state", problems)
    on_events = process.event_reactions(problems)
    on_timers = process.timer_reactions(problems)
    on_refusals = process.refusal_reactions(problems)
    everything = [*on_events, *on_timers, *on_refusals]
    for reaction in everything:
        _check_state(process, reaction, problems)
        _check_sent(reaction, decided, problems)
    _check_timers(everything, on_timers, problems)
    if on_events and not any(reaction.begins for reaction in on_events):
        problems.append(
            Mistake(
                f"no reaction of {process.name} can begin an instance: one must take "
                f"{process.state_type.__name__} | None",
                *process.declared_at,
            )
        )
    return Reacting(
        process,
        _by_event(on_events, events, problems),
        _by_timer(on_timers, problems),
        _by_command(on_refusals, decided, problems),
    )


def _by_event(
    reactions: list[Reaction], events: EventTypes, problems: list[Mistake]
) -> dict[str, Reaction]:
    table: dict[str, Reaction] = {}
    for reaction in reactions:
        for event in reaction.kinds:
            for name in names_of(event, events, reaction.function, problems):
                _add(table, name, event, reaction, problems)
    return table


def _by_timer(reactions: list[Reaction], problems: list[Mistake]) -> dict[str, Reaction]:
    table: dict[str, Reaction] = {}
    for reaction in reactions:
        for timer in reaction.kinds:
            readable(timer, "the timer", problems)
            _add(table, timer.__name__, timer, reaction, problems)
    return table


def _add(
    table: dict[str, Reaction],
    name: str,
    kind: type[Any],
    reaction: Reaction,
    problems: list[Mistake],
) -> None:
    if name in table:
        other = table[name].function.__name__
        problems.append(
            mistake(
                f"{reaction.function.__name__} takes {kind.__name__}, as {other} does already",
                reaction.function,
            )
        )
    table[name] = reaction


def _by_command(
    reactions: list[Reaction],
    decided: frozenset[type[Command]],
    problems: list[Mistake],
) -> dict[type[Command], tuple[Reaction, ...]]:
    table: dict[type[Command], tuple[Reaction, ...]] = {}
    for reaction in reactions:
        for command in reaction.kinds:
            if command not in decided:
                problems.append(
                    mistake(
                        f"{reaction.function.__name__} waits for refusals of {command.__name__}, "
                        "which no aggregate decides",
                        reaction.function,
                    )
                )
            table[command] = (*table.get(command, ()), reaction)
    return table


def _check_state(process: Process[Any], reaction: Reaction, problems: list[Mistake]) -> None:
    (_, state), *_ = parameters(reaction.function)
    for kind in members(state):
        if state is not None and kind not in (type(None), process.state_type, Any):
            problems.append(
                mistake(
                    f"{reaction.function.__name__} takes {getattr(kind, '__name__', kind)}, but "
                    f"the state of {process.name} is {process.state_type.__name__}",
                    reaction.function,
                )
            )


def _check_sent(
    reaction: Reaction, decided: frozenset[type[Command]], problems: list[Mistake]
) -> None:
    """Commands that a reaction's code names are sent, so somebody must decide them."""
    for command in classes_named(reaction.function, Command):
        if command not in decided and not command.__subclasses__():
            problems.append(
                mistake(
                    f"{reaction.function.__name__} names {command.__name__}, which no aggregate "
                    "decides",
                    reaction.function,
                )
            )


def _check_timers(
    reactions: list[Reaction], on_timers: list[Reaction], problems: list[Mistake]
) -> None:
    """Timers that are set come back, so somebody must take them."""
    taken = {timer for reaction in on_timers for timer in reaction.kinds}
    for reaction in reactions:
        for timer in classes_named(reaction.function, Timer):
            if timer not in taken and not timer.__subclasses__():
                problems.append(
                    mistake(
                        f"{reaction.function.__name__} names {timer.__name__}, but nothing takes "
                        "it when it is due: add a reaction decorated with .due",
                        reaction.function,
                    )
                )
