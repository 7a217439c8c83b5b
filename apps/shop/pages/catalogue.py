"""Products as pages."""

from __future__ import annotations

from twofold.http.pages.document_page import DocumentPage
from twofold.http.pages.forms import Field
from twofold.http.pages.list_page import Chips, Column, ListPage
from twofold.http.pages.subject import Subject

PRODUCT = Subject("product", "sku", "/products", "/api/v1/products/{sku}")

PAGES = (
    ListPage(
        subject=PRODUCT,
        template="products.html",
        title="Products",
        query="/api/v1/products",
        columns=(
            Column("Product", "title"),
            Column("Brand"),
            Column("Category"),
            Column("Status"),
            Column("Price", "price", number=True),
        ),
        sorts=(("newest", "Newest"), ("title", "Title"), ("price", "Price")),
        descending=True,
        search="Title, brand, text",
        filters=(
            Field("minPrice", "From price", kind="decimal"),
            Field("maxPrice", "To price", kind="decimal"),
        ),
        chips=(Chips("Category", "category"), Chips("Brand", "brand"), Chips("Status", "status")),
        wide=False,
    ),
    DocumentPage(subject=PRODUCT, template="product.html"),
)
