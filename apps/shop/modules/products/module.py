"""Products: everything that can be done."""

from __future__ import annotations

from shop.modules.products.domain import (
    ActivateProduct,
    ApplyPrice,
    ArchiveProduct,
    DescribeProduct,
    DraftProduct,
    ImportProduct,
    PriceProduct,
    product,
)
from shop.modules.products.reactions import price_times
from shop.modules.products.views import products
from twofold import Module, anyone, get, internal, post, put, role

MERCHANDISER = role("merchandiser")

module = Module(
    "products",
    product,
    products,
    price_times,
    post("/api/v1/products", DraftProduct, may=MERCHANDISER),
    put("/api/v1/products/{sku}", DescribeProduct, may=MERCHANDISER),
    post("/api/v1/products/{sku}/price", PriceProduct, may=MERCHANDISER),
    post("/api/v1/products/{sku}/activate", ActivateProduct, may=MERCHANDISER),
    post("/api/v1/products/{sku}/archive", ArchiveProduct, may=MERCHANDISER),
    internal(ApplyPrice, may=role("system")),
    internal(ImportProduct, may=role("merchandiser", "system")),
    get("/api/v1/products", products.page, may=anyone),
    get("/api/v1/products/{sku}", products.one, may=anyone),
)
