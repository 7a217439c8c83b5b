"""One reaction, run: what its annotations demand is checked, what it answers is sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from twofold.domain.process import CancelTimer, Process, Reaction, SetTimer, Then
from twofold.errors import TwofoldError
from twofold.messages.value import Timer


def react(
    process: Process[Any],
    reaction: Reaction | None,
    state: Any,
    subject: object,
    further: Mapping[str, Any],
) -> Then[Any] | None:
    """What follows; None: nothing does. ``further`` has what reactions may want beside.

    Raises what the reaction raises, and TypeError if it breaks its word.
    """
    if reaction is None or not (reaction.begins if state is None else reaction.continues):
        return None
    wanted = [further[want] for want in reaction.wants]
    then = reaction.function(state, subject, *wanted)
    if then is None:
        return None
    name = reaction.function.__name__
    if not isinstance(then, Then):
        raise TypeError(f"{name} answered {then!r}, which is neither Then(…) nor None")
    if then.state is not None and not isinstance(then.state, process.state_type):
        expected = process.state_type.__name__
        raise TypeError(f"{name} answered the state {then.state!r}, which is no {expected}")
    if then.state is None and any(isinstance(one, SetTimer) for one in then.timers):
        raise TypeError(f"{name} ends the instance and sets a timer, which nobody could take")
    return then


def refusal_reaction(reactions: Iterable[Reaction], refusal: TwofoldError) -> Reaction | None:
    """The first of ``reactions`` that takes this kind of refusal."""
    return next((r for r in reactions if isinstance(refusal, r.refusals)), None)


def timer_name(timer: type[Timer], name: str) -> str:
    """What a timer is called within its instance: ``HoldExpired`` or ``Reminder/2``."""
    return f"{timer.__name__}/{name}" if name else timer.__name__


def after_changes(then: Then[Any], pending: Iterable[str]) -> dict[str, SetTimer | None]:
    """Each timer that changes, by name: set anew, or None where one of ``pending`` is cancelled."""
    changed: dict[str, SetTimer | None] = {}
    known = list(pending)
    if then.state is None:
        return dict.fromkeys(known)
    for change in then.timers:
        if isinstance(change, SetTimer):
            changed[timer_name(type(change.timer), change.name)] = change
            continue
        for name in dict.fromkeys((*known, *changed)):
            if _is_meant(change, name):
                changed[name] = None
    return {name: one for name, one in changed.items() if one is not None or name in known}


def _is_meant(change: CancelTimer, name: str) -> bool:
    if change.name is not None:
        return name == timer_name(change.timer, change.name)
    return name.partition("/")[0] == change.timer.__name__
