"""``twofold rejected``."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from twofold.messages.recorded import moment
from twofold.ops.commands.target import App, Config, Json, looking_at
from twofold.runtime.system import System

_SHOWN = 200


def rejected(
    app: App,
    limit: Annotated[int, typer.Option(help="How many", min=1, max=10_000)] = 100,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List messages kept aside: no commands of ours, foreign events that fail; newest first."""

    async def look(system: System) -> list[dict[str, Any]]:
        found = await system.log.inbox.rejected(limit)
        return [
            {
                "channel": one.channel,
                "partition": one.partition,
                "offset": one.offset,
                "at": moment(one.time_us).isoformat().replace("+00:00", "Z"),
                "reason": one.reason,
                "attributes": dict(one.attributes),
                "data": one.data.decode("utf-8", "replace"),
            }
            for one in found
        ]

    for line in looking_at(app, config, look):
        if as_json:
            typer.echo(json.dumps(line))
        else:
            place = f"{line['channel']}/{line['partition']}@{line['offset']}"
            typer.echo(f"{line['at']}  {place}  {line['reason']}  {line['data'][:_SHOWN]}")
