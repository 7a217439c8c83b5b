"""What a read model's markers come to: its key, columns, texts and query parameters."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from operator import attrgetter
from typing import Any, Literal, NewType, get_args, get_origin
from uuid import UUID

import msgspec
from msgspec.structs import fields as struct_fields

from twofold.domain.signatures import bare, marks, members, mistake
from twofold.errors import Mistake
from twofold.messages.markers import Between, Parameter, Use
from twofold.messages.value import ReadModel
from twofold.ports.read_store import Column, ColumnKind, Row, Table
from twofold.wiring.checking import annotated, readable

RESERVED = ("page", "size", "sortBy", "sortDirection", "cursor", "facets", "q", "mine")
"""Parameters of every list, which no filter can have."""

_KINDS: dict[type, ColumnKind] = {
    bool: ColumnKind.BOOLEAN,
    int: ColumnKind.INTEGER,
    Decimal: ColumnKind.DECIMAL,
    datetime: ColumnKind.TIME,
    date: ColumnKind.DATE,
    str: ColumnKind.TEXT,
    UUID: ColumnKind.TEXT,
}


class Field(msgspec.Struct, frozen=True):
    """A field of a read model: its names in Python, on the wire and in queries, type and uses."""

    name: str
    wire: str
    annotation: Any
    use: Use
    between: Between | None
    kind: ColumnKind | None
    parameter: str


class Model:
    """A read model, ready to be stored and queried."""

    def __init__(self, model: type[ReadModel], name: str, problems: list[Mistake]) -> None:
        self.type = model
        self.name = name
        self.fields = {field.name: field for field in _fields(model, problems)}
        self.key = self._the_one("key", problems) if self.fields else ""
        self.owner = next((f.name for f in self.fields.values() if f.use.owner), "")
        self.listed = next((f.name for f in self.fields.values() if f.use.listed), "")
        self.columns = tuple(
            _column(field)
            for field in self.fields.values()
            if field.kind is not None and _needs_column(field)
        )
        self.texts = tuple(f.name for f in self.fields.values() if f.use.search)
        self.sorts = tuple(f.name for f in self.fields.values() if f.use.sort)
        self.facets = tuple(f.name for f in self.fields.values() if f.use.facet)
        decodable = readable(model, "the read model", problems) if self.fields else False
        self.decode: Callable[[bytes], Any] = msgspec.json.Decoder(
            model if decodable else dict
        ).decode
        self._key = attrgetter(self.key) if self.key else attrgetter("__class__")
        self._values = _reader([self.fields[c.name] for c in self.columns])
        self._texts = _reader([self.fields[name] for name in self.texts])

    def table(self, version: int) -> Table:
        """The table of one version of the projection."""
        texts = tuple(self.fields[name].wire for name in self.texts)
        return Table(f"{self.name}_{version}", self.columns, texts)

    def check_key(self, document: Any, key: str) -> None:
        """Raises ValueError if the document's key field is not ``key``."""
        if self._key(document) != key:
            raise ValueError(
                f"the fold made a {self.type.__name__} with {self.key} = "
                f"{self._key(document)!r} for the document {key!r}"
            )

    def row(self, document: Any, key: str, position: int, encoder: msgspec.json.Encoder) -> Row:
        """``document`` as a row."""
        texts = self._texts(document)
        return Row(
            key,
            encoder.encode(document),
            position,
            self._values(document),
            tuple("" if text is None else str(text) for text in texts) if texts else (),
        )

    def wire(self, name: str) -> str:
        """The field's name in JSON."""
        return self.fields[name].wire

    def _the_one(self, use: str, problems: list[Mistake]) -> str:
        found = [f.name for f in self.fields.values() if getattr(f.use, use)]
        if len(found) != 1:
            problems.append(
                mistake(
                    f"{self.type.__name__} needs exactly one field marked Key[…], it has "
                    f"{', '.join(found) or 'none'}",
                    self.type,
                )
            )
        return found[0] if found else ""


def _fields(model: type[ReadModel], problems: list[Mistake]) -> list[Field]:
    annotations = annotated(model, problems)
    if not annotations:
        return []
    wires = {field.name: field.encode_name for field in struct_fields(model)}
    return [_field(model, name, annotations[name], wire, problems) for name, wire in wires.items()]


def _field(model: type, name: str, annotation: Any, wire: str, problems: list[Mistake]) -> Field:
    attached = marks(annotation)
    uses = [mark for mark in attached if isinstance(mark, Use)]
    use = Use(**{flag: any(getattr(u, flag) for u in uses) for flag in Use.__dataclass_fields__})
    between = next((mark for mark in attached if isinstance(mark, Between)), None)
    kind = column_kind(annotation)
    named = next((mark.name for mark in attached if isinstance(mark, Parameter)), wire)
    field = Field(name, wire, annotation, use, between, kind, named)
    if kind is None and (_needs_column(field) or use.key):
        problems.append(
            mistake(
                f"{model.__name__}.{name} is marked, but its type has no column: use str, int, "
                "bool, Decimal, date, datetime, an enum of texts, or a tuple of texts",
                model,
            )
        )
    _check_parameters(model, field, problems)
    return field


def _check_parameters(model: type, field: Field, problems: list[Mistake]) -> None:
    between = (field.between.least, field.between.most) if field.between else ()
    for name in (*between, *((field.parameter,) if field.use.filter else ())):
        if name in RESERVED:
            problems.append(
                mistake(
                    f"{model.__name__}.{field.name}: a list can't be filtered by {name}, which has "
                    f"another meaning there, as have {', '.join(RESERVED)}",
                    model,
                )
            )


def _needs_column(field: Field) -> bool:
    use = field.use
    marked = use.filter or use.sort or use.facet or use.measure or use.column
    return marked or field.between is not None


def _column(field: Field) -> Column:
    assert field.kind is not None
    use = field.use
    return Column(
        field.name,
        field.kind,
        filter=use.filter or field.between is not None or use.key,
        sort=use.sort,
        facet=use.facet,
        measure=use.measure,
    )


def column_kind(annotation: Any) -> ColumnKind | None:
    """The column that holds values of this type; None if no column can."""
    kinds = {_kind(member) for member in members(annotation) if member is not type(None)}
    return kinds.pop() if len(kinds) == 1 else None


def _kind(kind: Any) -> ColumnKind | None:
    while isinstance(kind, NewType):
        kind = kind.__supertype__
    kind = bare(kind)
    if get_origin(kind) is Literal:
        kind = type(get_args(kind)[0])
    if get_origin(kind) in (tuple, list, frozenset):
        inner = column_kind(get_args(kind)[0])
        return ColumnKind.TEXTS if inner is ColumnKind.TEXT else None
    if isinstance(kind, type) and issubclass(kind, Enum):
        kind = type(next(iter(kind)).value)
    return _KINDS.get(kind)


def _reader(fields: list[Field]) -> Callable[[Any], tuple[Any, ...]]:
    """Reads the fields of a document as column values."""
    if not fields:
        return lambda document: ()
    names = [field.name for field in fields]
    plain = attrgetter(*names)
    read = plain if len(names) > 1 else lambda document: (plain(document),)
    converters = [(i, c) for i, f in enumerate(fields) if (c := _converter(f)) is not None]
    if not converters:
        return read

    def converted(document: Any) -> tuple[Any, ...]:
        values = list(read(document))
        for index, convert in converters:
            if values[index] is not None:
                values[index] = convert(values[index])
        return tuple(values)

    return converted


def _converter(field: Field) -> Callable[[Any], Any] | None:
    kinds = [bare(m) for m in members(field.annotation)]
    if field.kind is ColumnKind.TEXTS:
        return lambda values: tuple(str(getattr(v, "value", v)) for v in values)
    if any(isinstance(kind, type) and issubclass(kind, Enum) for kind in kinds):
        return lambda value: value.value
    return str if UUID in kinds else None
