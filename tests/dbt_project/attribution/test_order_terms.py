"""Coupons, discounts and days to purchase per channel, weighed by credit: against sums and medians made by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from tests.dbt_project.runner import run_model

AS_OF = date(2026, 4, 30)
WINDOW = [{"window_name": "last_28_days", "window_start": AS_OF - timedelta(days=27), "window_end": AS_OF}]


def orders(rng: np.random.Generator, size: int, coupon_rate: float = 0.3) -> pd.DataFrame:
    """Orders of one channel, each credited by a part; persons of a third of the buckets love coupons."""
    bucket = rng.integers(0, 100, size)
    coupon = rng.random(size) < np.where(bucket % 3 == 0, 2 * coupon_rate, coupon_rate / 2)
    return pd.DataFrame(
        {
            "conversion_id": [f"o{i}" for i in range(size)],
            "conversion_date": AS_OF,
            "person_bucket": bucket,
            "credit": rng.choice([0.25, 0.5, 1.0], size),
            "has_coupon": coupon,
            "discount_eur": np.where(coupon, rng.integers(1, 20, size), 0),
            "days": rng.integers(0, 300, size) / 10,
        }
    )


def report(frame: pd.DataFrame) -> pd.Series:
    credits = frame[["conversion_id", "conversion_date", "person_bucket"]].assign(
        channel="email", campaign_id="", revenue_eur=1, margin_eur=1
    )
    for model in ("first", "last", "last_non_direct", "linear", "position", "time_decay"):
        credits[f"{model}_credit"] = frame["credit"]
    result = run_model(
        "rpt_channel_order_terms",
        int_attribution__rule_credits=credits,
        int_sales__conversions=frame[["conversion_id", "has_coupon", "discount_eur"]],
        int_journeys__journeys=frame[["conversion_id"]].assign(duration_seconds=frame["days"] * 86400),
        int_journeys__windows=WINDOW,
    )
    assert len(result) == 6
    return result.set_index("model").loc["linear"]


def test_means_and_medians_are_weighed_by_credit() -> None:
    frame = orders(np.random.default_rng(1), 700)
    row = report(frame)
    weight = frame["credit"]
    assert row["conversions"] == pytest.approx(weight.sum())
    assert row["coupon_share"] == pytest.approx(np.average(frame["has_coupon"], weights=weight))
    assert row["discount_mean_eur"] == pytest.approx(np.average(frame["discount_eur"], weights=weight))
    ordered = frame.sort_values("days")
    within = ordered["credit"].cumsum() / weight.sum()
    assert row["days_to_purchase_median"] == ordered.loc[within >= 0.5 - 1e-9, "days"].iloc[0]

    def mean_without(bucket: int) -> float:
        kept = frame[frame["person_bucket"] != bucket]
        return float(np.average(kept["discount_eur"], weights=kept["credit"]))

    replicates = np.array([mean_without(bucket) for bucket in range(100)])
    margin = 1.984 * np.sqrt(99 / 100 * ((replicates - replicates.mean()) ** 2).sum())
    assert row["discount_mean_high"] - row["discount_mean_eur"] == pytest.approx(margin, rel=0.02)


def test_intervals_hold_the_truth() -> None:
    """Of a coupon share, a mean discount and a median in 60 worlds; the channel's truth is that of a large sample."""
    truth = report(orders(np.random.default_rng(0), 40_000))
    names = {"coupon_share": "coupon_share", "discount_mean_eur": "discount_mean"}
    hits = []
    for seed in range(60):
        row = report(orders(np.random.default_rng(seed + 1), 400))
        found = [row[f"{low}_low"] <= truth[name] <= row[f"{low}_high"] for name, low in names.items()]
        median = truth["days_to_purchase_median"]
        hits.append([*found, row["days_to_purchase_low"] <= median <= row["days_to_purchase_high"]])
    assert (np.mean(hits, axis=0) >= 0.88).all(), np.mean(hits, axis=0)


def test_few_orders_and_no_coupon_at_all() -> None:
    row = report(orders(np.random.default_rng(2), 20, coupon_rate=0))
    assert row["verdict"] == "not enough data"
    assert row["coupon_share"] == row["coupon_share_low"] == 0
    assert 0.05 < row["coupon_share_high"] < 0.5
