"""Parked sequences over HTTP: for operators to look at, to rehearse, release and discard."""

from __future__ import annotations

from typing import Any

import msgspec

from twofold.domain.caller import role
from twofold.errors import InvalidInput
from twofold.http.commands import read_object
from twofold.http.exchange import Exchange
from twofold.http.operations import answer_json, asked, described, page_size
from twofold.http.parameters import REFS, query_parameter
from twofold.http.routing import Router
from twofold.messages.validation import read_value
from twofold.messages.value import Value
from twofold.runtime.parking.desk import ParkedDesk
from twofold.runtime.parking.releasing import Discarding
from twofold.runtime.parking.views import STATES, ParkedPage, ReleaseView, SequenceView
from twofold.runtime.system import System

MAY = role("operator", "admin")
_LARGEST_BODY = 64 * 1024
_LISTED = ("projection", "state", "cursor", "cause")


class Named(Value):
    """Which sequence; ``seen`` is its ``seen`` as it was shown to whoever decides."""

    projection: str
    sequence: str
    seen: int | None = None


class NamedToDiscard(Named):
    """The same, with the reason. ``everything``: all events that wait, not only the first."""

    reason: str
    everything: bool = False


class ParkedOperations:
    """GET and POST /parked and what is below it."""

    def __init__(self, system: System) -> None:
        self._desk = ParkedDesk(system)

    def add_to(self, router: Router) -> None:
        """Serve them."""
        router.add("GET", "/parked", self.page)
        router.add("GET", "/parked/sequence", self.sequence)
        router.add("POST", "/parked/dry-run", self.rehearse)
        router.add("POST", "/parked/release", self.release)
        router.add("POST", "/parked/discard", self.discard)

    async def page(self, exchange: Exchange) -> None:
        """What waits, the oldest first."""
        given = asked(exchange, MAY, "parked", *_LISTED, "size")
        names = {name: given.get(name, "") for name in _LISTED}
        await answer_json(exchange, await self._desk.page(**names, size=page_size(given)))

    async def sequence(self, exchange: Exchange) -> None:
        """One sequence with its traceback and its first events."""
        given = asked(exchange, MAY, "parked", "projection", "sequence", "size")
        if "projection" not in given or "sequence" not in given:
            raise InvalidInput("name a projection and a sequence")
        found = await self._desk.show(given["projection"], given["sequence"], page_size(given))
        await answer_json(exchange, found)

    async def rehearse(self, exchange: Exchange) -> None:
        """What a release would do."""
        named = await self._named(exchange, Named)
        await answer_json(exchange, await self._desk.rehearse(named.projection, named.sequence))

    async def release(self, exchange: Exchange) -> None:
        """Apply what waits."""
        named = await self._named(exchange, Named)
        released = await self._desk.release(
            named.projection, named.sequence, actor=exchange.caller.subject, seen=named.seen
        )
        await answer_json(exchange, released)

    async def discard(self, exchange: Exchange) -> None:
        """Leave out what fails."""
        named = await self._named(exchange, NamedToDiscard)
        discarding = Discarding(exchange.caller.subject, named.reason, named.everything)
        released = await self._desk.discard(
            named.projection, named.sequence, discarding, seen=named.seen
        )
        await answer_json(exchange, released)

    async def _named(self, exchange: Exchange, kind: type[Any]) -> Any:
        asked(exchange, MAY, "parked")
        return read_value(kind, await read_object(exchange, _LARGEST_BODY))


def parked_paths() -> tuple[dict[str, Any], dict[str, Any]]:
    """Their part of the OpenAPI document: paths, and schemas by name."""
    kinds = [ParkedPage, SequenceView, ReleaseView, Named, NamedToDiscard]
    found, schemas = msgspec.json.schema_components(kinds, ref_template=REFS)
    page, sequence, released, named, discarded = found
    text = {"type": "string"}
    size = query_parameter("size", {"type": "integer", "minimum": 1, "maximum": 200})
    listed = [
        query_parameter("projection", text),
        query_parameter("state", {"type": "string", "enum": list(STATES)}),
        query_parameter("cause", text),
        query_parameter("cursor", text),
        size,
    ]
    which = [
        {**query_parameter(name, text), "required": True} for name in ("projection", "sequence")
    ]
    tag = "parked"
    paths = {
        "/parked": {"get": described(MAY, tag, "listParked", "What waits", listed, page, "404")},
        "/parked/sequence": {
            "get": described(
                MAY, tag, "getParked", "A sequence that waits", [*which, size], sequence, "404"
            )
        },
    }
    for path, name, summary, body in (
        ("dry-run", "rehearseParked", "What a release would change", named),
        ("release", "releaseParked", "Apply what waits, in order", named),
        ("discard", "discardParked", "Leave out what fails", discarded),
    ):
        operation = described(MAY, tag, name, summary, [], released, "404", "409", "422")
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": body}},
        }
        paths[f"/parked/{path}"] = {"post": operation}
    return paths, schemas
