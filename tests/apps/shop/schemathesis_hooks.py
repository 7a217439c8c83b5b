"""What schemathesis can't know of the shop: who may do what, and what exists."""

from __future__ import annotations

from functools import cache
from typing import Any

import schemathesis

from shop.modules.products.reactions import price_times
from tests.describing import asked, bearer, typed

_PROCESS = {"process": [price_times.name], "key": []}


def _account(case: Any, context: Any = None) -> str:
    if case.path.startswith("/processes"):
        return "operator"
    writes_products = "/products" in case.path and case.method != "GET"
    return "merchandiser" if writes_products else "service"


@schemathesis.auth(cache_by_key=_account)
class Accounts:
    """Merchandisers write products, operators look at processes; the rest is the service's."""

    def get(self, case: Any, context: Any) -> str:
        """A demo bearer token."""
        return bearer(_account(case))

    def set(self, case: Any, data: str, context: Any) -> None:
        """Carry it."""
        case.headers["Authorization"] = f"Bearer {data}"


@schemathesis.hook
def map_path_parameters(context: Any, path_parameters: dict[str, Any]) -> dict[str, Any]:
    """Every other path leads to something that exists."""
    for name, value in (path_parameters or {}).items():
        known = _known(name)
        if known and isinstance(value, str) and len(value) % 2:
            path_parameters[name] = known[len(value) % len(known)]
    return path_parameters


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Texts that people can type, amounts that are some, products that are for sale."""
    return _typed(body)


def _typed(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {typed(key): _typed(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_typed(one) for one in value]
    if not isinstance(value, str):
        return value
    if name == "sku":
        return _known("sku")[0] if len(value) % 2 else typed(value)
    return f"{len(value)}.50" if name in ("amount", "price") else typed(value)


@schemathesis.hook
def map_headers(context: Any, headers: dict[str, Any]) -> dict[str, Any]:
    """Any text is a token by its type; one that somebody was given can be right."""
    if headers and isinstance(headers.get("Consistency-Token"), str):
        headers["Consistency-Token"] = _token()
    return headers


@cache
def _token() -> str:
    return asked("/api/v1/orders", "service").headers["consistency-token"]


@cache
def _command() -> str:
    order = {"country": "Malta", "lines": [{"sku": _known("sku")[0], "quantity": 1}]}
    return asked("/api/v1/orders", "service", order).headers["command-id"]


@cache
def _known(parameter: str) -> list[str]:
    if parameter == "commandId":
        return [_command()]
    if parameter in ("process", "key"):
        return _PROCESS[parameter]
    lists = {
        "orderId": ("/api/v1/orders?size=50&sortBy=placedAt&sortDirection=desc", "orderId"),
        "sku": ("/api/v1/products?status=active&size=20", "sku"),
        "customerId": ("/api/v1/customers", "customerId"),
    }
    path, field = lists[parameter]
    return [item[field] for item in asked(path, "service").json()["items"]]
