"""``twofold events``."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated

import typer

from twofold.messages.recorded import Recorded
from twofold.ops.commands.target import App, Config, Json, looking_at
from twofold.runtime.system import System


def events(
    app: App,
    stream: Annotated[str, typer.Option(help="Only this stream, such as order:0193…")] = "",
    after: Annotated[int, typer.Option(help="Above this position (or version)", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="At most so many", min=1, max=10_000)] = 20,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Show what the log has recorded, in order."""

    async def read(system: System) -> Sequence[Recorded]:
        if stream:
            return await system.log.read_stream(stream, after, limit)
        return await system.log.read(after, limit)

    for recorded in looking_at(app, config, read):
        typer.echo(_json(recorded) if as_json else _line(recorded))


def _line(recorded: Recorded) -> str:
    when = recorded.time.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    data = recorded.data.decode("utf-8", "replace")
    shown = data if len(data) <= 120 else f"{data[:117]}…"
    return (
        f"{recorded.position:>8}  {when}  {recorded.type}  "
        f"{recorded.stream}@{recorded.version}  {shown}"
    )


def _json(recorded: Recorded) -> str:
    return json.dumps(
        {
            "position": recorded.position,
            "id": recorded.id,
            "stream": recorded.stream,
            "version": recorded.version,
            "type": recorded.type,
            "schemaVersion": recorded.schema_version,
            "time": recorded.time.isoformat().replace("+00:00", "Z"),
            "correlationId": recorded.correlation_id,
            "causationId": recorded.causation_id,
            "actor": recorded.actor,
            "trace": recorded.trace,
            "data": json.loads(recorded.data),
        },
        ensure_ascii=False,
    )
