"""Documents and lists on a page. A list's state lives in its address: to share, to go back to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import msgspec
from markupsafe import Markup, escape

from twofold.http.pages.freshness import Freshness, freshness
from twofold.http.pages.visit import Visit
from twofold.ports.read_store import FacetCount
from twofold.runtime.listing import Parameters
from twofold.runtime.system import System
from twofold.wiring.routes import Route


class Document(msgspec.Struct, frozen=True):
    """One document, how current it is, and the projection that tells of its changes."""

    content: dict[str, Any]
    fresh: Freshness
    live: str


class ListView:
    """Documents of a list and the addresses that change what is shown."""

    def __init__(self, path: str, parameters: Parameters, usual: tuple[str, str] | None) -> None:
        self._path = path
        self._parameters = {name: list(values) for name, values in parameters.items()}
        self._usual = usual
        self.items: list[dict[str, Any]] = []
        self.facets: dict[str, Sequence[FacetCount]] = {}
        self.total = 0
        self.next_cursor = ""
        self.fresh = Freshness("current")
        self.live = ""
        self._highlights: Sequence[Mapping[str, str]] = ()

    @property
    def sort(self) -> str:
        """The field that the list is sorted by, "" by relevance."""
        usual = "" if self.text or self._usual is None else self._usual[0]
        return self.value("sortBy") or usual

    @property
    def descending(self) -> bool:
        """Whether the largest is first."""
        if not self.value("sortBy") and self._usual is not None:
            return self._usual[1] == "desc"
        return self.value("sortDirection") == "desc"

    @property
    def cursor(self) -> str:
        """Where the page begins."""
        return self.value("cursor")

    @property
    def text(self) -> str:
        """What is searched."""
        return self.value("q")

    @property
    def narrowed(self) -> bool:
        """Whether filters or a search hide something."""
        return any(name not in ("sortBy", "sortDirection", "size") for name in self._parameters)

    def value(self, name: str) -> str:
        """A parameter as given."""
        return (self._parameters.get(name) or [""])[0]

    def kept(self, *without: str) -> list[tuple[str, str]]:
        """What a form with the fields ``without`` must carry along, as names and values."""
        dropped = {*without, "cursor", "page"}
        return [
            (name, value)
            for name, values in self._parameters.items()
            for value in values
            if name not in dropped
        ]

    def is_on(self, field: str, value: Any) -> bool:
        """Whether the list is limited to this value."""
        return _written(value) in self._parameters.get(field, ())

    def toggled(self, field: str, value: Any) -> str:
        """The address with a value of a filter added or taken away."""
        values = [v for v in self._parameters.get(field, ()) if v != _written(value)]
        if not self.is_on(field, value):
            values.append(_written(value))
        return self.address({field: values})

    def without(self, *names: str) -> str:
        """The address without some parameters."""
        return self.address({name: [] for name in names})

    def sorted_by(self, field: str) -> str:
        """The address sorted by a field, the other way round if it is already."""
        direction = "asc" if self.sort == field and self.descending else "desc"
        return self.address({"sortBy": [field], "sortDirection": [direction]})

    def following(self) -> str:
        """The next page."""
        return self.address({"cursor": [self.next_cursor]})

    def first(self) -> str:
        """The first page."""
        return self.address({})

    def address(self, changes: Mapping[str, list[str]]) -> str:
        """The address with parameters replaced; it begins with the first page."""
        merged = {**self._parameters, "cursor": [], "page": [], **changes}
        query = urlencode([(name, v) for name, values in merged.items() for v in values if v])
        return f"{self._path}?{query}" if query else self._path

    def marked(self, index: int, field: str) -> Markup:
        """A text of an item, with what was searched marked. The store has escaped it."""
        found = self._highlights[index].get(field) if index < len(self._highlights) else None
        return Markup(found) if found else escape(self.items[index][field])

    def show(self, highlights: Sequence[Mapping[str, str]]) -> None:
        """Mark in the texts what was searched."""
        self._highlights = highlights


async def listed(
    system: System,
    route: Route,
    visit: Visit,
    given: Parameters,
    facets: str,
    fixed: Parameters,
    usual: tuple[str, str] | None = None,
) -> ListView:
    """The list that ``given`` from the address and ``fixed`` ask for. Raises as the query does."""
    wanted: dict[str, Sequence[str]] = {**given, **fixed, "facets": [facets]}
    if usual and "sortBy" not in wanted and "q" not in wanted:
        wanted |= {"sortBy": [usual[0]], "sortDirection": [usual[1]]}
    view = ListView(visit.request.url.path, given, usual)
    request, found = await system.queries.page(route, wanted, await visit.asked(system))
    visit.late |= found.stale
    name = route.target.projection.name  # type: ignore[union-attr]
    model = system.wired.foldings[name].model
    selected = found.answer
    view.items = [msgspec.json.decode(document) for document in selected.documents]
    view.facets = {
        model.fields[field].parameter: counts for field, counts in selected.facets.items()
    }
    view.total = selected.total or 0
    view.next_cursor = system.queries.next_cursor(name, request, selected) or ""
    view.fresh = freshness(system, (name,), found.position, found.time_us, stale=found.stale)
    view.live = name
    view.show(selected.highlights)
    return view


def _written(value: Any) -> str:
    """A facet's value as its parameter is written."""
    return str(value).lower() if isinstance(value, bool) else str(value)
