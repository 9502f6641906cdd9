"""What every order is really worth, to the cent in EUR, at every moment of its life."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from orchestration.sources.demo.assortment import CHANNELS
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.columns import Columns, length
from orchestration.sources.demo.media import CHF_EUR
from orchestration.sources.demo.sales import STATUS, Sales

DEFINITION = (
    "Revenue of a line is round((net - returned_quantity / quantity * net) * rate, 2), its cost likewise, its margin "
    "the difference of the two; an order is the sum of its lines; test and cancelled orders count as 0."
)


def half_up(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient of positive integers rounded half up, exactly: as decimals are rounded."""
    return (2 * numerator + denominator) // (2 * denominator)


def line_cents(sales: Sales) -> Columns:
    """Cents in EUR per line: `revenue`, `margin` as sold, `revenue_kept`, `margin_kept` after what came back."""
    lines = sales.lines
    percent = np.where(sales.orders["is_chf"][lines["order"]], round(CHF_EUR * 100), 100)
    cents: Columns = {}
    for suffix, units in (("", lines["quantity"]), ("_kept", lines["quantity"] - lines["returned"])):
        revenue = half_up(lines["net_cents"] * units * percent, lines["quantity"] * 100)
        cost = half_up(lines["cost_cents"] * units * percent, lines["quantity"] * 100)
        cents[f"revenue{suffix}"], cents[f"margin{suffix}"] = revenue, revenue - cost
    return cents


def order_cents(sales: Sales) -> Columns:
    """The sums of `line_cents` per order."""
    count = length(sales.orders)
    return {
        name: np.bincount(sales.lines["order"], values, count).astype(np.int64)
        for name, values in line_cents(sales).items()
    }


def counts(sales: Sales, last: int) -> np.ndarray:
    """Orders that count after the deliveries before day `last`."""
    orders = sales.orders
    return ~orders["is_test"] & (orders["day_cancelled"] >= last) & (orders["day_known"] < last)


def versions_table(sales: Sales, rows: Columns, order_ids: np.ndarray, clock: Clock, last: int) -> pa.Table:
    """One row per order and delivery: what the order is worth while this is its latest delivery."""
    cents = order_cents(sales)
    rows = {name: values[rows["day"] < last] for name, values in rows.items()}
    order, status = rows["order"], rows["status"]
    is_counted = ~sales.orders["is_test"][order] & (status != STATUS.index("cancelled"))
    money = {
        name: np.where(is_counted, np.where(rows["is_returned"], cents[f"{name}_kept"][order], cents[name][order]), 0)
        for name in ("revenue", "margin")
    }
    causes = np.array([*CHANNELS, "none"], dtype=object)
    table = pa.table(
        {
            "order_id": pa.array(order_ids[order], pa.string()),
            "order_date": pa.array(clock.dates[sales.orders["day"][order]]),
            "delivery_date": pa.array(clock.dates[rows["day"]]),
            "status": pa.array(np.array(STATUS, dtype=object)[status], pa.string()),
            "is_counted": pa.array(is_counted),
            "revenue_eur": euros(money["revenue"]),
            "margin_eur": euros(money["margin"]),
            "person": pa.array(sales.orders["person"][order]),
            "cause": pa.array(causes[sales.orders["cause"][order]], pa.string()),
        }
    )
    return table.sort_by([("delivery_date", "ascending"), ("order_id", "ascending")])


def euros(cents: np.ndarray) -> pa.Array:
    """Decimals of cents."""
    whole = pa.array(cents).cast(pa.decimal128(19, 0))
    return pc.multiply(whole, pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))).cast(pa.decimal128(18, 2))


def orders_as_of(directory: Path, day: date) -> pa.Table:
    """Orders as they stand after the deliveries up to and including a day.

    Parameters
    ----------
    directory : Path
        Of the shop, as given to `write_shop`.
    day : date
        Last delivery known.

    Returns
    -------
    pyarrow.Table
        order_id, order_date, delivery_date (of the latest record), status, is_counted, revenue_eur, margin_eur, person,
        cause.
    """
    table = pq.read_table(directory / "truth" / "orders.parquet")
    table = table.filter(pc.less_equal(table["delivery_date"], pa.scalar(day)))
    # The table is sorted by delivery, so the last row of an order is its latest record.
    place = pa.array(np.arange(table.num_rows))
    latest = table.append_column("place", place).group_by("order_id").aggregate([("place", "max")])["place_max"]
    return table.take(latest.combine_chunks().sort())
