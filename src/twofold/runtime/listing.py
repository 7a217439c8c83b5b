"""Lists as callers ask for them: parameters in, a ``Select`` out, or all problems at once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from twofold.errors import BadCursor, InvalidInput, Problem
from twofold.ports.read_store import Condition, Scalar, Select
from twofold.runtime.scalars import condition, restored, written
from twofold.runtime.tokens import Tokens
from twofold.wiring.model import RESERVED, Field, Model

DEFAULT_SIZE = 20
LARGEST_SIZE = 200
LARGEST_OFFSET = 100_000
LONGEST_TEXT = 200

Parameters = Mapping[str, Sequence[str]]


class ListRequest(msgspec.Struct, frozen=True):
    """A list asked for. ``page`` is None where a cursor said where to begin.

    ``mine``: only what belongs to the caller, whatever else the caller may see.
    """

    select: Select
    page: int | None
    size: int
    mine: bool = False


class _Cursor(msgspec.Struct, frozen=True, array_like=True):
    filters: str
    sort: str
    descending: bool
    value: str | int | bool | None
    key: str


class Listing:
    """The list of one read model: what may be asked, and how it is read."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self._filters: dict[str, tuple[Field, str]] = {}
        columns = {column.name: column for column in model.columns}
        for field in model.fields.values():
            if field.between is not None:
                self._filters[field.between.least] = (field, "at_least")
                self._filters[field.between.most] = (field, "at_most")
            if field.use.filter and field.name in columns:
                self._filters[field.parameter] = (field, "any_of")
        self._sorts = {model.fields[name].parameter: name for name in model.sorts}
        self._facets = {model.fields[name].parameter: name for name in model.facets}

    @property
    def parameters(self) -> Mapping[str, tuple[Field, str]]:
        """Filter parameters by wire name, with their field and test (for OpenAPI and pages)."""
        return self._filters

    @property
    def sorts(self) -> tuple[str, ...]:
        """What ``sortBy`` may be."""
        return tuple(self._sorts)

    @property
    def facets(self) -> tuple[str, ...]:
        """What ``facets`` may name."""
        return tuple(self._facets)

    def request(
        self, parameters: Parameters, tokens: Tokens, usual: tuple[str, bool] | None = None
    ) -> ListRequest:
        """Read ``parameters``; ``usual`` is the sort where they name none and search nothing.

        Raises InvalidInput naming everything wrong, BadCursor.
        """
        problems: list[Problem] = []
        where = self._where(parameters, problems)
        text = _one(parameters, "q", problems).strip()
        if text and not self.model.texts:
            problems.append(Problem("q", "this list has no text to search"))
        if len(text) > LONGEST_TEXT:
            problems.append(Problem("q", f"at most {LONGEST_TEXT} characters"))
        size = _number(parameters, "size", DEFAULT_SIZE, 1, LARGEST_SIZE, problems)
        page = _number(parameters, "page", 0, 0, LARGEST_OFFSET // LARGEST_SIZE, problems)
        sort = self._sort(parameters, None if text else usual, problems)
        facets = self._facet_names(parameters, problems)
        cursor = _one(parameters, "cursor", problems)
        mine = self._mine(parameters, problems)
        if problems:
            raise InvalidInput(problems)
        digest = self._digest(where, text)
        select = Select(where, text, sort, page * size, None, size, True, facets)
        if not cursor:
            return ListRequest(select, page, size, mine)
        request = self._continued(select, cursor, digest, size, tokens)
        return msgspec.structs.replace(request, mine=mine)

    def next_cursor(
        self, select: Select, last: tuple[Scalar, str] | None, tokens: Tokens
    ) -> str | None:
        """The cursor of the page that follows, None at the end."""
        if last is None:
            return None
        value, key = last
        sort, descending = select.sort or ("", False)
        plain = value if isinstance(value, str | int | None) else written(value)
        return tokens.cursor(
            _Cursor(self._digest(select.where, select.text), sort, descending, plain, key)
        )

    def _continued(
        self, select: Select, cursor: str, digest: str, size: int, tokens: Tokens
    ) -> ListRequest:
        content = tokens.cursor_content(cursor, _Cursor)
        if content.filters != digest:
            raise BadCursor("it was made for other filters")
        if (content.sort, content.descending) != (select.sort or ("", False)):
            raise BadCursor("it was made for another sort")
        value = self._cursor_value(content)
        after = (value, content.key)
        return ListRequest(msgspec.structs.replace(select, offset=0, after=after), None, size)

    def _cursor_value(self, content: _Cursor) -> Scalar:
        field = self.model.fields.get(content.sort)
        if field is None or content.value is None or not isinstance(content.value, str):
            return content.value
        return restored(field, content.value)

    def _digest(self, where: Sequence[Condition], text: str) -> str:
        """What a cursor belongs to: this list, these filters, this text."""
        parts = sorted((c.column, c.test, sorted(map(str, c.values))) for c in where)
        content = repr((self.model.name, parts, text)).encode()
        return hashlib.blake2b(content, digest_size=8).hexdigest()

    def _where(self, parameters: Parameters, problems: list[Problem]) -> tuple[Condition, ...]:
        found = []
        for name, texts in parameters.items():
            if name in RESERVED:
                continue
            known = self._filters.get(name)
            if known is None:
                allowed = ", ".join(self._filters) or "none"
                problems.append(Problem(name, f"no such filter; there are: {allowed}"))
                continue
            field, test = known
            try:
                found.append(condition(field, test, texts))
            except ValueError as exc:
                problems.append(Problem(name, str(exc)))
        return tuple(found)

    def _sort(
        self, parameters: Parameters, usual: tuple[str, bool] | None, problems: list[Problem]
    ) -> tuple[str, bool] | None:
        by = _one(parameters, "sortBy", problems)
        direction = _one(parameters, "sortDirection", problems)
        if direction not in ("", "asc", "desc"):
            problems.append(Problem("sortDirection", "asc or desc"))
        if not by:
            return (usual[0], direction == "desc") if usual and direction else usual
        if by not in self._sorts:
            allowed = ", ".join(self._sorts) or "none"
            problems.append(Problem("sortBy", f"can't sort by {by!r}; allowed: {allowed}"))
            return None
        return self._sorts[by], direction == "desc"

    def _mine(self, parameters: Parameters, problems: list[Problem]) -> bool:
        text = _one(parameters, "mine", problems)
        if text and not self.model.owner:
            problems.append(Problem("mine", "nothing in this list belongs to anybody"))
        elif text not in ("", "true", "false"):
            problems.append(Problem("mine", "true or false"))
        return text == "true"

    def _facet_names(self, parameters: Parameters, problems: list[Problem]) -> tuple[str, ...]:
        names = [n for text in parameters.get("facets", ()) for n in text.split(",") if n]
        unknown = [name for name in names if name not in self._facets]
        if unknown:
            allowed = ", ".join(self._facets) or "none"
            problems.append(Problem("facets", f"no facet {', '.join(unknown)}; allowed: {allowed}"))
        return tuple(dict.fromkeys(self._facets[n] for n in names if n in self._facets))


def _one(parameters: Parameters, name: str, problems: list[Problem]) -> str:
    values = parameters.get(name, ())
    if len(values) > 1:
        problems.append(Problem(name, "given more than once"))
    return values[0] if values else ""


def _number(
    parameters: Parameters,
    name: str,
    default: int,
    least: int,
    most: int,
    problems: list[Problem],
) -> int:
    text = _one(parameters, name, problems)
    if not text:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1
    if not least <= number <= most:
        problems.append(Problem(name, f"a whole number from {least} to {most}"))
        return default
    return number
