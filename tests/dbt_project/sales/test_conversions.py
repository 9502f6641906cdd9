"""Which orders count, and what of them."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from tests.dbt_project.runner import examples, run_model

START = datetime(2026, 4, 1, 8, tzinfo=UTC)
RATE = Decimal("1.05")  # of a franc


def order(order_id: str, hours: float = 0, **columns: Any) -> dict[str, Any]:
    row = {
        "order_id": order_id,
        "ordered_at": START + timedelta(hours=hours),
        "order_date": (START + timedelta(hours=hours)).date(),
        "status": "completed",
        "sales_channel": "web",
        "is_test": False,
        "is_b2b": False,
        "currency": "EUR",
        "net_amount": Decimal("10.00"),
    }
    return row | columns


def line(order_id: str, line_no: int = 1, quantity: float = 1, net: str = "10.00", **columns: Any) -> dict[str, Any]:
    row = {
        "order_id": order_id,
        "line_no": line_no,
        "product_id": "p",
        "quantity": quantity,
        "returned_quantity": 0,
        "net_amount": Decimal(net),
        "cost_amount": Decimal("4.00"),
    }
    return row | columns


def rates() -> list[dict[str, Any]]:
    days = [date(2026, 4, 1) + timedelta(days=i) for i in range(-5, 60)]
    return [
        {"currency": currency, "rate_date": day, "rate": rate}
        for day in days
        for currency, rate in (("EUR", Decimal(1)), ("CHF", RATE))
    ]


def conversions(orders: list[dict[str, Any]], lines: list[dict[str, Any]], **frames: Any) -> dict[str, Any]:
    frame = run_model(
        "int_sales__conversions",
        stg_sales__orders=orders,
        stg_sales__order_lines=lines,
        stg_reference__exchange_rates=rates(),
        **frames,
    )
    return {row.order_id: row for row in frame.itertuples()}


lines_of_a_world = st.lists(
    st.tuples(
        st.integers(0, 8),  # order
        st.integers(1, 4),  # quantity
        st.integers(0, 5),  # returned, sometimes more than was sold
        st.integers(1, 9999),  # cents a piece
        st.integers(0, 50),  # cost a piece, in cents
    ),
    max_size=25,
)
heads = st.tuples(
    st.sampled_from(["completed", "cancelled", "returned", "partly_returned", "open"]),
    st.booleans(),
    st.sampled_from(["EUR", "CHF"]),
)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


@examples(60)
@given(st.lists(heads, min_size=9, max_size=9), lines_of_a_world)
def test_orders_are_netted_like_on_paper(heads: list[tuple[str, bool, str]], lines: list[tuple[int, ...]]) -> None:
    orders = [
        order(f"o{i}", status=status, is_test=is_test, currency=currency, net_amount=Decimal("7.00"))
        for i, (status, is_test, currency) in enumerate(heads)
    ]
    rows = []
    expected: dict[str, list[Decimal]] = defaultdict(lambda: [Decimal(0)] * 3)
    sold = defaultdict(lambda: Decimal(0))
    for n, (which, quantity, returned, price, cost) in enumerate(lines):
        net, spent = Decimal(price * quantity) / 100, Decimal(cost * quantity) / 100
        rows.append(line(f"o{which}", n, quantity, str(net), returned_quantity=returned, cost_amount=spent))
        kept = 0 if heads[which][0] == "returned" else max(quantity - returned, 0)
        rate = RATE if heads[which][2] == "CHF" else Decimal(1)
        revenue = cents(Decimal(price * kept) / 100 * rate)
        margin = revenue - cents(Decimal(cost * kept) / 100 * rate)
        total = expected[f"o{which}"]
        expected[f"o{which}"] = [total[0] + kept, total[1] + revenue, total[2] + margin]
        sold[f"o{which}"] += cents(net * rate)
    result = conversions(orders, rows)
    counted = {}
    for i, (status, is_test, currency) in enumerate(heads):
        name = f"o{i}"
        if is_test or status == "cancelled":
            continue
        if name in expected:
            if expected[name][0] > 0:
                counted[name] = (*expected[name], sold[name] - expected[name][1])
        elif status != "returned":  # delivered without lines: its head is all there is
            revenue = cents(Decimal("7.00") * (RATE if currency == "CHF" else Decimal(1)))
            counted[name] = (Decimal(1), revenue, None, Decimal(0))
    assert result.keys() == counted.keys()
    for name, (units, revenue, margin, returned) in counted.items():
        row = result[name]
        assert row.units == units
        assert Decimal(str(row.revenue_eur)) == revenue
        assert Decimal(str(row.returned_eur)) == returned
        assert pd.isna(row.margin_eur) if margin is None else Decimal(str(row.margin_eur)) == margin


def test_half_a_cent_rounds_up_whatever_doubles_make_of_it() -> None:
    nets = [Decimal(2 * n + 1) / 100 for n in range(400)]
    rows = [line("o1", n, 2, str(net), returned_quantity=1) for n, net in enumerate(nets)]
    kept = conversions([order("o1")], rows)["o1"].revenue_eur
    assert Decimal(str(kept)) == sum(cents(net / 2) for net in nets)


def test_persons_come_from_the_customer_then_the_visitor_then_the_order_itself() -> None:
    result = conversions(
        [
            order("o1", customer_key="c1", visitor_id="v1"),
            order("o2", visitor_id="v1"),
            order("o3", sales_channel="store"),
            order("o4", sales_channel="store"),
        ],
        [],
        int_identity__customers=[{"customer_key": "c1", "person_id": "known"}],
        int_identity__visitors=[{"visitor_id": "v1", "person_id": "anonymous"}],
    )
    assert result["o1"].person_id == "known"
    assert result["o2"].person_id == "anonymous"
    assert result["o3"].person_id != result["o4"].person_id


def test_the_first_order_that_counts_is_the_first_unless_the_register_knows_an_earlier_one() -> None:
    result = conversions(
        [
            order("test", 0, customer_key="c1", is_test=True),
            order("o1", 1, customer_key="c1"),
            order("o2", 2, customer_key="c1"),
            order("o3", 1, customer_key="c2"),
        ],
        [],
        int_identity__customers=[{"customer_key": key, "person_id": key} for key in ("c1", "c2")],
        stg_sales__customers=[
            {"customer_key": "c1", "first_order_date": date(2026, 4, 1)},
            {"customer_key": "c2", "first_order_date": date(2025, 12, 1)},
        ],
    )
    assert {name: row.is_first_order for name, row in result.items()} == {"o1": True, "o2": False, "o3": False}


def test_lines_add_up_to_their_orders_and_carry_their_category() -> None:
    orders = [order("o1"), order("o2", status="returned"), order("o3", net_amount=Decimal("5.00"))]
    lines = [line("o1", 1), line("o1", 2, product_id="unheard of"), line("o2")]
    frame = run_model(
        "int_sales__order_lines",
        stg_sales__orders=orders,
        stg_sales__order_lines=lines,
        stg_reference__exchange_rates=rates(),
        stg_sales__products=[{"product_id": "p", "category": "Tea"}],
    ).sort_values(["order_id", "line_no"])
    assert frame["order_id"].tolist() == ["o1", "o1", "o3"]
    assert frame["category"].tolist() == ["Tea", "unknown", "unknown"]
    assert [float(value) for value in frame["revenue_eur"]] == [10, 10, 5]
