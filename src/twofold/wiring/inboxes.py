"""Which events of other systems lead to which handler."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.inbox import Inbox, Subscription
from twofold.domain.references import classes_named
from twofold.domain.signatures import mistake
from twofold.errors import Mistake
from twofold.messages.value import Command
from twofold.wiring.checking import readable, unique


class Receiving(msgspec.Struct, frozen=True):
    """An inbox with its subscriptions and their decoders, by CloudEvents type."""

    inbox: Inbox
    subscriptions: dict[str, Subscription]
    decoders: dict[str, msgspec.json.Decoder[Any]]


def find_receivings(
    inboxes: list[Inbox],
    application: str,
    decided: frozenset[type[Command]],
    problems: list[Mistake],
) -> dict[str, Receiving]:
    """Every inbox by its channel; what is wrong goes to ``problems``."""
    unique([(inbox.channel, inbox.declared_at) for inbox in inboxes], "channel", problems)
    return {inbox.channel: _receiving(inbox, application, decided, problems) for inbox in inboxes}


def _receiving(
    inbox: Inbox,
    application: str,
    decided: frozenset[type[Command]],
    problems: list[Mistake],
) -> Receiving:
    _check_channel(inbox, application, problems)
    subscriptions: dict[str, Subscription] = {}
    decoders: dict[str, msgspec.json.Decoder[Any]] = {}
    for one in inbox.subscriptions(problems):
        name = one.function.__name__
        if one.event_type in subscriptions:
            other = subscriptions[one.event_type].function.__name__
            problems.append(
                mistake(f"{name} takes {one.event_type}, as {other} does already", one.function)
            )
        subscriptions[one.event_type] = one
        if readable(one.event, "the event", problems):
            decoders[one.event_type] = msgspec.json.Decoder(one.event)
        _check_commands(one, decided, problems)
    return Receiving(inbox, subscriptions, decoders)


def _check_channel(inbox: Inbox, application: str, problems: list[Mistake]) -> None:
    if not inbox.channel:
        problems.append(Mistake("an inbox needs the name of a channel", *inbox.declared_at))
    if inbox.partitions < 1:
        problems.append(
            Mistake(f"partitions of {inbox.channel} must be at least 1", *inbox.declared_at)
        )
    if not inbox.functions:
        problems.append(
            Mistake(
                f"nothing takes events of {inbox.channel}: decorate functions with .on(TYPE)",
                *inbox.declared_at,
            )
        )
    if inbox.channel in (f"{application}.events", f"{application}.commands"):
        problems.append(
            Mistake(
                f"{inbox.channel} is the application's own channel: let a Process react to its "
                "own events",
                *inbox.declared_at,
            )
        )


def _check_commands(
    one: Subscription, decided: frozenset[type[Command]], problems: list[Mistake]
) -> None:
    """Commands that are answered or named are sent, so somebody must decide them."""
    name = one.function.__name__
    for command in dict.fromkeys((*one.commands, *classes_named(one.function, Command))):
        if command not in decided and not command.__subclasses__():
            problems.append(
                mistake(
                    f"{name} names {command.__name__}, which no aggregate decides", one.function
                )
            )
