"""From method and path to an operation, by a tree of segments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from twofold.http.exchange import Exchange
from twofold.http.rejections import MethodNotAllowed

Operation: TypeAlias = Callable[[Exchange], Awaitable[None]]


class _Node:
    __slots__ = ("any", "fixed", "name", "operations", "template")

    def __init__(self) -> None:
        self.fixed: dict[str, _Node] = {}
        self.any: _Node | None = None
        self.name = ""
        self.operations: dict[str, Operation] = {}
        self.template = ""


class Router:
    """Fixed segments win over parameters."""

    def __init__(self) -> None:
        self._root = _Node()

    def add(self, method: str, path: str, operation: Operation) -> None:
        """``path`` may have ``{name}`` for a whole segment."""
        node = self._root
        for segment in path.strip("/").split("/"):
            if segment.startswith("{"):
                if node.any is None:
                    node.any = _Node()
                node.any.name = segment[1:-1]
                node = node.any
            else:
                node = node.fixed.setdefault(segment, _Node())
        node.operations[method] = operation
        node.template = path

    def find(self, exchange: Exchange) -> Operation | None:
        """The operation, its parameters noted in ``exchange``. Raises MethodNotAllowed."""
        parameters: dict[str, str] = {}
        node = self._root
        for segment in exchange.path.strip("/").split("/"):
            following = node.fixed.get(segment)
            if following is None:
                following = node.any
                if following is None or not segment:
                    return None
                parameters[following.name] = segment
            node = following
        if not node.operations:
            return None
        exchange.route = node.template
        exchange.parameters = parameters
        method = "GET" if exchange.method == "HEAD" else exchange.method
        operation = node.operations.get(method)
        if operation is None:
            allowed = tuple(sorted({*node.operations, "HEAD" if "GET" in node.operations else ""}))
            allowed = tuple(method for method in allowed if method)
            exchange.add(b"allow", ", ".join(allowed))
            raise MethodNotAllowed(exchange.method, allowed)
        return operation
