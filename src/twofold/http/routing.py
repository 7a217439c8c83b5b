"""From method and path to an operation, by a tree of segments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from twofold.http.exchange import Exchange
from twofold.http.rejections import MethodNotAllowed

Operation: TypeAlias = Callable[[Exchange], Awaitable[None]]


class _Target(NamedTuple):
    operation: Operation
    template: str
    names: tuple[str, ...]


class _Node:
    __slots__ = ("any", "fixed", "targets")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.targets: dict[str, _Target] = {}


class Router:
    """Fixed segments win over parameters; each route has its own names for parameters."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, method: str, path: str, operation: Operation) -> None:
        """``path`` may have ``{name}`` for a whole segment."""
        node, names = self._root, []
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                names.append(segment[1:-1])
                node.any = node.any or _Node()
                node = node.any
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.targets[method] = _Target(operation, path, tuple(names))

    def find(self, exchange: Exchange) -> Operation | None:
        """The operation, its parameters noted in ``exchange``. Raises MethodNotAllowed."""
        values: list[str] = []
        node = self._root
        for segment in exchange.path.strip("/").split("/"):
            following = node.fixed.get(segment)
            if following is None:
                following = node.any
                if following is None or not segment:
                    return None
                values.append(segment)
            node = following
        if not node.targets:
            return None
        target = node.targets.get("GET" if exchange.method == "HEAD" else exchange.method)
        if target is None:
            return _without_target(exchange, node)
        exchange.route = target.template
        exchange.parameters = dict(zip(target.names, values, strict=True))
        return target.operation


def _without_target(exchange: Exchange, node: _Node) -> Operation:
    allowed = {*node.targets, "OPTIONS", *(["HEAD"] if "GET" in node.targets else [])}
    exchange.add(b"allow", ", ".join(sorted(allowed)))
    exchange.route = next(iter(node.targets.values())).template
    if exchange.method != "OPTIONS":
        raise MethodNotAllowed(exchange.method, tuple(sorted(allowed)))
    return _options


async def _options(exchange: Exchange) -> None:
    await exchange.answer_empty(204)
