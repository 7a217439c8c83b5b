"""``twofold processes``: process managers, their instances and what those went through."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table

from twofold.ops.commands.printing import print_json, short
from twofold.ops.commands.target import Json, Target, commands_of, looking_at
from twofold.runtime.processes.views import InstancePage, InstanceView, ProcessViews, StepView
from twofold.runtime.system import System

T = TypeVar("T")
processes = commands_of("processes", "Process managers: list, show, history.")
Process = Annotated[str, typer.Argument(help="The process's name")]
Key = Annotated[str, typer.Argument(help="The instance's key")]


@processes.command("list")
def show_list(
    context: typer.Context,
    process: Annotated[str, typer.Argument(help="Its instances; without it: all processes")] = "",
    status: Annotated[str, typer.Option(help="Only running, ended or stuck ones")] = "",
    after: Annotated[str, typer.Option(help="Above this key")] = "",
    limit: Annotated[int, typer.Option(help="At most so many", min=1, max=10_000)] = 20,
    as_json: Json = False,
) -> None:
    """List processes, or the instances of one."""
    if not process:
        _list_processes(context, as_json)
        return

    async def instances(views: ProcessViews) -> InstancePage:
        return await views.instances(process, after, limit, status)

    page = _seen(context, instances)
    if as_json:
        print_json(page)
        return
    table = Table("key", "status", "next timer", "state")
    for one in page.items:
        due = _time(one.timers[0].due) if one.timers else ""
        table.add_row(one.key, one.status, due, short(one.state))
    Console().print(table)
    if page.next_cursor is not None:
        typer.echo(f"more: --after {page.next_cursor}")


def _list_processes(context: typer.Context, as_json: bool) -> None:
    found = _seen(context, lambda views: views.processes())
    if as_json:
        print_json({"items": found})
        return
    table = Table("process", "position", "behind", "next timer", "next command", "stuck", "stopped")
    for one in found:
        table.add_row(
            one.name,
            f"{one.position:,}",
            f"{one.lag_events:,}",
            _time(one.next_timer),
            _time(one.next_command),
            f"{one.stuck:,}",
            one.stopped,
        )
    Console().print(table)


@processes.command()
def show(context: typer.Context, process: Process, key: Key, as_json: Json = False) -> None:
    """Show an instance: its state, pending timers and commands on their way."""

    async def instance(views: ProcessViews) -> InstanceView:
        return await views.instance(process, key)

    found = _seen(context, instance)
    if as_json:
        print_json(found)
        return
    typer.echo(f"{process} {key}: {found.status}")
    typer.echo(f"  state    {short(found.state)}")
    for timer in found.timers:
        typer.echo(f"  timer    {timer.name} due {_time(timer.due)} {short(timer.data)}")
    for command in found.commands:
        tried = f", {command.attempts} failed: {command.error}" if command.attempts else ""
        typer.echo(f"  command  {command.operation} {short(command.data)}{tried}")
    if found.failure is not None:
        failure = found.failure
        typer.echo(f"  stuck    on {failure.what}: {failure.error}")
        typer.echo(
            f"           {failure.attempts} attempts since {_time(failure.since)}, "
            f"next {_time(failure.retry)}; {len(failure.waiting)} events wait"
        )


@processes.command()
def history(
    context: typer.Context,
    process: Process,
    key: Key,
    after: Annotated[int, typer.Option(help="Above this version", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="At most so many", min=1, max=10_000)] = 100,
    as_json: Json = False,
) -> None:
    """Show the steps that an instance took, and why."""

    async def steps(views: ProcessViews) -> list[StepView]:
        return await views.history(process, key, after, limit)

    for step in _seen(context, steps):
        if as_json:
            print_json(step)
            continue
        typer.echo(f"{step.version:>4}  {_time(step.time)}  {_because(step.cause)}")
        if step.outcome != "taken":
            typer.echo(f"      {step.outcome} {step.error}".rstrip())
        for command in step.commands:
            typer.echo(f"      sent {command.operation} {short(command.data)}")
        for timer in step.timers:
            how = (
                f"set {timer.name} to {_time(timer.due)}"
                if timer.due
                else f"cancelled {timer.name}"
            )
            typer.echo(f"      {how}")
        left_out = f"of {step.state_bytes:,} bytes, left out"
        typer.echo(f"      state {left_out if step.state_bytes else short(step.state)}")


def _seen(context: typer.Context, look: Callable[[ProcessViews], Awaitable[T]]) -> T:
    async def work(system: System) -> T:
        return await look(ProcessViews(system))

    target: Target = context.obj
    return looking_at(target.app, target.config, work)


def _because(cause: dict[str, Any]) -> str:
    if cause["kind"] == "event":
        return f"{cause['name']} at {cause['position']}"
    if cause["kind"] == "timer":
        return f"timer {cause['name']}"
    return f"{cause['name']} was refused: {cause['why']}"


def _time(when: datetime | None) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z") if when else ""
