"""A list on a page: its state lives in the address, so it can be shared and gone back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import msgspec

from twofold.messages.recorded import moment
from twofold.ports.read_store import FacetCount
from twofold.runtime.listing import Parameters
from twofold.runtime.queries import Asked
from twofold.runtime.system import System
from twofold.wiring.routes import Route


class ListView:
    """Documents of a list and the addresses that change what is shown."""

    def __init__(self, path: str, parameters: Parameters) -> None:
        self._path = path
        self._parameters = {name: list(values) for name, values in parameters.items()}
        self.items: list[dict[str, Any]] = []
        self.highlights: Sequence[Mapping[str, str]] = ()
        self.facets: dict[str, Sequence[FacetCount]] = {}
        self.total = 0
        self.next_cursor = ""
        self.stale = False
        self.as_of: Any = None
        self.as_of_clock = ""

    @property
    def sort(self) -> str:
        """The field that the list is sorted by."""
        return self._one("sortBy")

    @property
    def descending(self) -> bool:
        """Whether the largest is first."""
        return self._one("sortDirection") == "desc"

    @property
    def cursor(self) -> str:
        """Where the page begins."""
        return self._one("cursor")

    @property
    def text(self) -> str:
        """What is searched."""
        return self._one("q")

    def _one(self, name: str) -> str:
        return (self._parameters.get(name) or [""])[0]

    def value(self, name: str) -> str:
        """A parameter as given."""
        return self._one(name)

    def is_on(self, field: str, value: Any) -> bool:
        """Whether the list is limited to this value."""
        return str(value) in self._parameters.get(field, ())

    def toggled(self, field: str, value: Any) -> str:
        """The address with a value of a filter added or taken away."""
        values = [v for v in self._parameters.get(field, ()) if v != str(value)]
        if not self.is_on(field, value):
            values.append(str(value))
        return self._address({field: values, "cursor": []})

    def sorted_by(self, field: str) -> str:
        """The address sorted by a field, the other way round if it is already."""
        direction = "asc" if self.sort == field and self.descending else "desc"
        return self._address({"sortBy": [field], "sortDirection": [direction], "cursor": []})

    def following(self) -> str:
        """The next page."""
        return self._address({"cursor": [self.next_cursor]})

    def first(self) -> str:
        """The first page."""
        return self._address({"cursor": []})

    def _address(self, changes: Mapping[str, list[str]]) -> str:
        merged = {**self._parameters, **changes}
        query = urlencode([(name, v) for name, values in merged.items() for v in values if v])
        return f"{self._path}?{query}" if query else self._path


async def list_view(
    system: System,
    route: Route,
    path: str,
    parameters: Parameters,
    asked: Asked,
    facets: str,
    sort: str,
) -> ListView:
    """The list that an address asks for. Raises as the query does."""
    wanted: dict[str, Sequence[str]] = {n: v for n, v in parameters.items() if v and v[0]}
    if "sortBy" not in wanted and "q" not in wanted:
        wanted |= {"sortBy": [sort], "sortDirection": ["desc"]}
    view = ListView(path, wanted)
    request, found = await system.queries.page(route, {**wanted, "facets": [facets]}, asked)
    projection = route.target.projection.name  # type: ignore[union-attr]
    model = system.wired.foldings[projection].model
    view.items = [msgspec.json.decode(document) for document in found.answer.documents]
    view.highlights = found.answer.highlights
    view.facets = {model.wire(name): counts for name, counts in found.answer.facets.items()}
    view.total = found.answer.total or 0
    view.next_cursor = system.queries.next_cursor(projection, request, found.answer) or ""
    view.stale = found.stale
    note_time(view, found.time_us, system.clock.now())
    return view


def note_time(view: Any, time_us: int, now: datetime) -> None:
    """Say what the answer is current to; another day than today by its date."""
    if time_us:
        when = moment(time_us)
        view.as_of = when
        today = when.date() == now.date()
        view.as_of_clock = f"{when:%H:%M:%S}" if today else f"{when.day} {when:%b, %H:%M}"
