"""``twofold rejected``."""

from __future__ import annotations

import getpass
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

import typer

from twofold.messages.recorded import moment
from twofold.ops.commands.target import App, Config, Json, looking_at
from twofold.ports.inbox import Rejected
from twofold.runtime.rejected import RejectedMessages, Retried, place_of, read_place
from twofold.runtime.system import System

_SHOWN = 200
_MOST = 10_000


class Action(StrEnum):
    """What to do with messages that were kept aside."""

    LIST = "list"
    SHOW = "show"
    RETRY = "retry"
    DISMISS = "dismiss"


def rejected(
    app: App,
    action: Annotated[Action, typer.Argument(help="What to do")] = Action.LIST,
    places: Annotated[
        list[str] | None, typer.Argument(help="Which messages: channel/partition@offset")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that are not dismissed")] = False,
    reason: Annotated[str, typer.Option(help="Why nothing is to come of them (dismiss)")] = "",
    by: Annotated[str, typer.Option(help="Who decides; you if left out")] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask (dismiss)")] = False,
    dismissed: Annotated[bool, typer.Option("--dismissed", help="List those dismissed")] = False,
    limit: Annotated[int, typer.Option(help="How many", min=1, max=_MOST)] = 100,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Look at messages kept aside (no events or commands of ours, foreign events that fail), try
    them again, or dismiss them; newest first.
    """
    if action is Action.LIST:
        found = looking_at(app, config, lambda s: s.log.inbox.rejected(limit, dismissed=dismissed))
        for message in found:
            typer.echo(json.dumps(_as_json(message)) if as_json else _line(message))
        return
    if bool(places) == every or (every and action is Action.SHOW):
        raise typer.BadParameter("name messages (channel/partition@offset), or say --all")
    if action is Action.DISMISS and not reason:
        raise typer.BadParameter("say why nothing is to come of them: --reason TEXT")
    chosen = looking_at(app, config, lambda system: _chosen(system, places or []))
    if action is Action.SHOW:
        for message in chosen:
            typer.echo(json.dumps(_as_json(message)) if as_json else _whole(message))
    elif action is Action.RETRY:
        _retry(app, config, chosen, by or _you(), as_json)
    else:
        _dismiss(app, config, chosen, reason, by or _you(), yes)


async def _chosen(system: System, places: Sequence[str]) -> Sequence[Rejected]:
    if not places:
        return await system.log.inbox.rejected(_MOST)
    found = []
    for place in places:
        known = read_place(place)
        if known is None:
            raise typer.BadParameter(f"{place} is no place of a message: channel/partition@offset")
        message = await system.log.inbox.find_rejected(*known)
        if message is None:
            raise typer.BadParameter(f"no message {place} is kept aside; see the list")
        found.append(message)
    return found


def _retry(app: str, config: Any, chosen: Sequence[Rejected], by: str, as_json: bool) -> None:
    async def work(system: System) -> list[Retried]:
        messages = RejectedMessages(system)
        # Oldest first, as they came.
        return [await messages.retry(message, by) for message in reversed(chosen)]

    retried = looking_at(app, config, work)
    for message, one in zip(reversed(chosen), retried, strict=True):
        place = place_of(message)
        if as_json:
            told = {"place": place, "released": one.released, "told": one.told}
            typer.echo(json.dumps(told))
        else:
            typer.echo(f"{place}  {'released' if one.released else 'STAYS'}: {one.told}")
    raise typer.Exit(0 if all(one.released for one in retried) else 1)


def _dismiss(
    app: str, config: Any, chosen: Sequence[Rejected], reason: str, by: str, yes: bool
) -> None:
    for message in chosen:
        typer.echo(_line(message))
    if not yes:
        typer.confirm(f"Dismiss {len(chosen):,} messages?", abort=True)

    async def work(system: System) -> list[bool]:
        messages = RejectedMessages(system)
        return [await messages.dismiss(message, reason, by) for message in chosen]

    done = looking_at(app, config, work)
    for message, one in zip(chosen, done, strict=True):
        if not one:
            typer.echo(f"{place_of(message)}  somebody was faster: it is gone or dismissed already")
    raise typer.Exit(0 if all(done) else 1)


def _you() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError) as exc:
        # In a container users may have no names.
        raise typer.BadParameter("say who decides: --by NAME") from exc


def _line(message: Rejected) -> str:
    text = message.data.decode("utf-8", "replace")[:_SHOWN]
    dismissed = f"  (dismissed: {message.dismissed.reason})" if message.dismissed else ""
    return f"{_at(message.time_us)}  {place_of(message)}  {message.reason}  {text}{dismissed}"


def _whole(message: Rejected) -> str:
    lines = [f"{place_of(message)}, kept {_at(message.time_us)}", f"reason: {message.reason}"]
    if message.dismissed:
        done = message.dismissed
        lines.append(f"dismissed: {_at(done.time_us)} by {done.by}: {done.reason}")
    lines += [f"{name}: {value}" for name, value in sorted(message.attributes.items())]
    return "\n".join([*lines, "", message.data.decode("utf-8", "replace")])


def _as_json(message: Rejected) -> dict[str, Any]:
    done = message.dismissed
    return {
        "place": place_of(message),
        "channel": message.channel,
        "partition": message.partition,
        "offset": message.offset,
        "at": _at(message.time_us),
        "reason": message.reason,
        "attributes": dict(message.attributes),
        "data": message.data.decode("utf-8", "replace"),
        "dismissed": done and {"at": _at(done.time_us), "by": done.by, "reason": done.reason},
    }


def _at(time_us: int) -> str:
    return moment(time_us).isoformat().replace("+00:00", "Z")
