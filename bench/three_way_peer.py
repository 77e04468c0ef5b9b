"""The peer of the three-way match: datacompy on Polars, over the same files. Knows nothing of ours."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.three_way_data import UNITS, suppliers


def prepare_three_sides(place: Path) -> Callable[[], int]:
    """The same three sides: netted per order line and translated in Polars, then order lines against receipts and
    against invoices. Whoever uses it for a three-way match writes this; it does not wait, nor explain.
    """
    import datacompy
    import polars
    from polars import col

    key, exact = ["entity", "order_number", "line_number"], polars.Float64
    units, aliases = dict(UNITS), {alias: supplier for _, alias, supplier in suppliers()}

    def read(side: str, *columns: str) -> polars.LazyFrame:
        rows = polars.scan_parquet(str(place / side / "*.parquet")).select(*key, *columns)
        return rows.with_columns(col("unit").replace(units))

    def sides() -> tuple[polars.DataFrame, ...]:
        orders = read(
            "purchase_order_line", "supplier", "quantity", "unit", "unit_price", "currency", "match"
        )
        agreed = (col("quantity") * col("unit_price")).cast(exact).alias("amount")
        receipts = read("receipt_line", "quantity", "unit", "received_at").group_by(key)
        invoices = (
            read(
                "invoice_line",
                "supplier",
                "invoice_number",
                "quantity",
                "unit",
                "amount",
                "currency",
                "entered_at",
            )
            .with_columns(col("supplier").replace(aliases))
            .group_by(key)
        )
        least = [col(name).min() for name in ("supplier", "invoice_number", "unit", "currency")]
        most = [col(name).max().alias(f"other_{name}") for name in ("supplier", "unit")]
        times = [col("entered_at").min().alias("first_at"), col("entered_at").max().alias("last_at")]
        sums = [col("quantity").sum().cast(exact), col("amount").sum().cast(exact)]
        return (
            orders.with_columns(col("quantity").cast(exact), agreed).collect(),
            receipts.agg(
                col("quantity").sum().cast(exact),
                col("unit").min(),
                col("received_at").max().alias("last_at"),
            ).collect(),
            invoices.agg(*least, *most, *sums, *times).collect(),
        )

    def run() -> int:
        orders, receipts, invoices = sides()
        return _wrong(datacompy, orders, receipts, key) + _wrong(datacompy, orders, invoices, key)

    return run


def prepare_two_sides(place: Path) -> Callable[[], int]:
    """Order lines against invoice lines as they lie there, on the three-column key: neither netted nor translated."""
    import datacompy
    import polars

    key = ["entity", "order_number", "line_number"]
    columns = [*key, "supplier", "item", "quantity", "unit", "unit_price", "currency"]
    exact = [polars.col("quantity").cast(polars.Float64), polars.col("unit_price").cast(polars.Float64)]

    def run() -> int:
        orders, invoices = (
            polars.read_parquet(str(place / side / "*.parquet"), columns=columns).with_columns(exact)
            for side in ("purchase_order_line", "invoice_line")
        )
        return _wrong(datacompy, orders, invoices, key)

    return run


def _wrong(datacompy: Any, left: Any, right: Any, key: list[str]) -> int:
    compared = datacompy.PolarsCompare(left, right, join_columns=key, abs_tol=5, rel_tol=0.02)
    return len(compared.all_mismatch()) + len(compared.df1_unq_rows) + len(compared.df2_unq_rows)
