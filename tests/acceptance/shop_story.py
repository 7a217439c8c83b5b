"""A morning in the shop, over HTTP alone."""

from __future__ import annotations

from tests.acceptance.company import Company

PRODUCTS = {"KETTLE": "24.50", "CUP": "3.20"}
STEPS = (
    ("service", "confirm-payment", "payment-confirmed"),
    ("operations", "start-processing", "processing"),
    ("operations", "ship", "shipped"),
    ("operations", "deliver", "delivered"),
)
ORDERS = "/api/v1/orders"


async def shop_story(shop: Company) -> None:
    """Offer, order, pay, ship, refund, cancel; lists, customer page and report say so at once."""
    await _offered(shop)
    order = await _placed(shop, "customer", {"KETTLE": 1, "CUP": 4})
    for by, step, status in STEPS:
        await shop.does(by, "POST", f"{ORDERS}/{order}/{step}")
        assert (await shop.sees("service", f"{ORDERS}/{order}"))["status"] == status
        assert await _orders(shop, f"status={status}") == [order]
    refund = {"amount": "3.20", "reason": "a cup arrived in two halves"}
    await shop.does("finance", "POST", f"{ORDERS}/{order}/refunds", refund)
    page = await shop.sees("customer", f"{ORDERS}/{order}")
    assert (page["total"], page["refunded"], len(page["timeline"])) == ("37.30", "3.20", 6)
    regretted = await _placed(shop, "customer2", {"CUP": 2})
    await shop.does("customer2", "POST", f"{ORDERS}/{regretted}/cancel", {"reason": "a whim"})
    await _lists(shop, order, regretted)
    await _figures(shop)


async def _offered(shop: Company) -> None:
    for sku, price in PRODUCTS.items():
        product = {"sku": sku, "title": f"The {sku.lower()}", "category": "Kitchen"}
        await shop.does("merchandiser", "POST", "/api/v1/products", product)
        path = f"/api/v1/products/{sku}"
        await shop.does("merchandiser", "POST", f"{path}/price", {"price": price})
        await shop.does("merchandiser", "POST", f"{path}/activate")
        assert (await shop.sees("customer", path))["status"] == "active"


async def _placed(shop: Company, by: str, wanted: dict[str, int]) -> str:
    lines = [{"sku": sku, "quantity": quantity} for sku, quantity in wanted.items()]
    placed = await shop.does(by, "POST", ORDERS, {"country": "Germany", "lines": lines})
    order: str = placed["orderId"]
    assert (await shop.sees(by, f"{ORDERS}/{order}"))["status"] == "pending-payment"
    assert order in await _orders(shop, "sortBy=placedAt&sortDirection=desc")
    return order


async def _orders(shop: Company, parameters: str) -> list[str]:
    found = await shop.sees("service", f"{ORDERS}?{parameters}")
    return [item["orderId"] for item in found["items"]]


async def _lists(shop: Company, delivered: str, cancelled: str) -> None:
    found = await shop.sees("service", f"{ORDERS}?facets=status&sortBy=total&sortDirection=desc")
    assert [item["orderId"] for item in found["items"]] == [delivered, cancelled]
    assert found["total"] == 2
    counted = {one["value"]: one["count"] for one in found["facets"]["status"]}
    assert counted == {"delivered": 1, "cancelled": 1}
    assert await _orders(shop, "minTotal=10") == [delivered]
    assert await _orders(shop, "q=kettle") == [delivered]
    first = await shop.sees("service", f"{ORDERS}?size=1&sortBy=placedAt")
    rest = await _orders(shop, f"size=1&sortBy=placedAt&cursor={first['nextCursor']}")
    assert [first["items"][0]["orderId"], *rest] == [delivered, cancelled]
    own = await shop.sees("customer2", ORDERS)
    assert [item["orderId"] for item in own["items"]] == [cancelled]


async def _figures(shop: Company) -> None:
    customer = await shop.sees("service", "/api/v1/customers/customer")
    assert (customer["orders"], customer["paid"], customer["refunded"]) == (1, "37.30", "3.20")
    report = await shop.sees("finance", "/api/v1/reports/revenue?by=country")
    (line,) = report["items"]
    assert (line["key"], line["net"], line["units"]) == ("Germany", "34.10", 5)
