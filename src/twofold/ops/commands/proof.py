"""``twofold verify`` and ``twofold adopt``."""

from __future__ import annotations

import difflib
import json
from typing import Annotated, Any

import msgspec
import typer

from twofold.assembly.assemble import shadow_store
from twofold.ops.commands.not_made import not_made, not_made_text
from twofold.ops.commands.printing import listed_lines
from twofold.ops.commands.target import App, Config, Json, looking_at, you
from twofold.ops.progress import progress_bar
from twofold.runtime.adopting import adopt as adopt_version
from twofold.runtime.applying import Applier
from twofold.runtime.listed import listed
from twofold.runtime.system import System
from twofold.runtime.verification import Difference, Verification, Verified
from twofold.wiring.foldings import Folding

_BATCH = 5_000
_SHOWN = 20

Name = Annotated[str, typer.Argument(help="One projection; all if left out")]


def verify(app: App, projection: Name = "", config: Config = None, as_json: Json = False) -> None:
    """Fold the log anew beside each read model and compare them row by row."""

    async def work(system: System) -> tuple[list[Verified], str]:
        chosen = [one for one in _chosen(system, projection) if _has_rows(one)]
        lacking = not_made(system, chosen)
        made = [one for one in chosen if one.name not in lacking]
        return [await _verify(system, one, as_json) for one in made], not_made_text(system, lacking)

    results, lacking = looking_at(app, config, work)
    for result in results:
        typer.echo(json.dumps(_as_json(result)) if as_json else verified_text(result))
    if lacking:
        typer.secho(lacking, fg="red", err=True)
    raise typer.Exit(1 if lacking or any(result.differences for result in results) else 0)


def adopt(
    app: App,
    projection: Annotated[str, typer.Argument(help="A projection whose folds have changed")],
    verified: Annotated[bool, typer.Option("--verify/--no-verify", help="Compare after")] = True,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask")] = False,
    config: Config = None,
) -> None:
    """Go on with the rows that former code made, and with what waits beside them.

    For changes that do not concern rows made so far, such as a fold that no longer fails. Stop the
    processes with the former code before: while one gives signs of life, nothing is adopted. Exit
    code 1 then, and if rows differ from what this code makes.
    """
    if not yes and not typer.confirm(
        f"The rows of {projection} stay as former code made them, and this code goes on with them. "
        "Is no process with the former code at work?"
    ):
        raise typer.Exit(1)

    async def work(system: System) -> bool:
        (applier,) = _chosen(system, projection)
        adopted = await adopt_version(system, applier, actor=you())
        typer.echo(f"{projection}: this code goes on with version {adopted.version}")
        if not (verified and _has_rows(adopted)):
            return True
        result = await _verify(system, adopted, False)
        typer.echo(verified_text(result))
        return not result.differences

    raise typer.Exit(0 if looking_at(app, config, work) else 1)


def _has_rows(applier: Applier) -> bool:
    return isinstance(applier.projection, Folding)


def _chosen(system: System, name: str) -> list[Applier]:
    known = {applier.name: applier for applier in system.appliers}
    if not name:
        return list(known.values())
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
        raise typer.BadParameter(f"no projection {name!r}; {hint}")
    return [known[name]]


async def _verify(system: System, applier: Applier, quiet: bool) -> Verified:
    assert isinstance(applier.projection, Folding)
    async with shadow_store() as shadow:
        await shadow.open(applier.tables)
        with progress_bar(f"verify {applier.name}", quiet=quiet) as report:
            return await Verification(
                applier,
                system.log,
                system.read_store,
                shadow,
                system.wired.events,
                system.clock,
                _BATCH,
            ).run(report)


def _as_json(result: Verified) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.to_builtins(result)
    return found


def verified_text(result: Verified) -> str:
    """What a verification found, for a person."""
    head = f"{result.projection}: {result.rows:,} rows compared at position {result.position:,}"
    if result.parked:
        head += f" ({result.parked:,} wait: twofold parked APP list {result.projection})"
    if result.deviating:
        head += f" ({result.deviating:,} deviate on purpose)"
    if not result.differences:
        return f"{head}, equal to the log"
    lines = [f"{head}, {len(result.differences)} DIFFERENT"]
    lines += [_difference(one) for one in result.differences[:_SHOWN]]
    if len(result.differences) > _SHOWN:
        lines.append(f"  … and {len(result.differences) - _SHOWN} more (--json shows all)")
    return "\n".join(lines)


def _difference(one: Difference) -> str:
    """On one line, but for long lists: of those what differs from the log, item by item."""
    details, lines = list[str](), list[str]()
    for name, (expected, actual) in one.fields.items():
        items = listed(expected, actual)
        if items is None:
            details.append(f"{name} is {actual!r}, the log says {expected!r}")
        else:
            told, *rest = listed_lines(items)
            lines += [f"    {name}, from what the log says to what is there: {told}"]
            lines += [f"      {line}" for line in rest]
    head = f"  {one.key}: {one.kind} (event {one.position}) {', '.join(details)}".rstrip()
    return "\n".join([head, *lines])
