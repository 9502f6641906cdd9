"""Credits per window and channel: intervals against the jackknife done by hand, costs, models of others."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.dbt_project.runner import run_model

AS_OF = date(2026, 4, 30)
CHANNELS = ("direct", "email", "paid_search", "store")


def world(rng: np.random.Generator, orders: int) -> pd.DataFrame:
    """Credits of random orders of clustered persons: two channels share each order."""
    bucket = rng.integers(0, 100, orders)
    pair = np.array([rng.choice(4, 2, replace=False) for _ in range(orders)])
    pair[bucket < 20, 0] = 1  # the same persons come back through the same channel
    share = rng.uniform(0.1, 0.9, orders)
    rows = []
    for i in range(orders):
        for channel, credit in zip(pair[i], (share[i], 1 - share[i]), strict=True):
            rows.append(
                {
                    "conversion_id": f"o{i}",
                    "channel": CHANNELS[channel],
                    "campaign_id": "",
                    "person_bucket": int(bucket[i]),
                    "conversion_date": AS_OF - timedelta(days=int(i % 40)),
                    "revenue_eur": float(10 + i % 7),
                    "margin_eur": 1.0,
                    "credit": credit,
                }
            )
    return pd.DataFrame(rows)


def rule_credits(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.groupby([c for c in frame.columns if c != "credit"], as_index=False)["credit"].sum()
    for model in ("first", "last", "last_non_direct", "linear", "position", "time_decay"):
        frame[f"{model}_credit"] = frame["credit"]
    return frame.drop(columns="credit")


def windows(days: int = 28) -> list[dict[str, Any]]:
    return [{"window_name": "last_28_days", "window_start": AS_OF - timedelta(days=days - 1), "window_end": AS_OF}]


def run(**frames: Any) -> pd.DataFrame:
    return run_model(
        "fct_channel_credits", int_calendar__as_of=[{"as_of_date": AS_OF}], int_journeys__windows=windows(), **frames
    )


def jackknife(buckets: np.ndarray, statistic: Any) -> float:
    """Half a 95 % interval: every bucket left out once, the rest scaled up to the whole."""
    n = len(buckets)
    replicates = np.array([statistic(np.delete(buckets, i, axis=0)) for i in range(n)])
    return 1.984 * np.sqrt((n - 1) / n * ((replicates - replicates.mean(axis=0)) ** 2).sum())


def test_intervals_are_those_of_the_delete_one_bucket_jackknife() -> None:
    credits = world(np.random.default_rng(7), 600)
    result = run(int_attribution__rule_credits=rule_credits(credits))
    result = result[(result["window_name"] == "last_28_days") & (result["level"] == "channel")]
    linear = result[result["model"] == "linear"].set_index("channel")
    inside = credits[credits["conversion_date"] > AS_OF - timedelta(days=28)]
    inside = inside.assign(revenue=inside["credit"] * inside["revenue_eur"])
    for channel in CHANNELS:
        sums = np.zeros((100, 3))  # conversions and revenue of the channel, all conversions
        mine = inside[inside["channel"] == channel]
        np.add.at(sums[:, 0], mine["person_bucket"], mine["credit"])
        np.add.at(sums[:, 1], mine["person_bucket"], mine["revenue"])
        np.add.at(sums[:, 2], inside["person_bucket"], inside["credit"])
        row = linear.loc[channel]
        assert row["conversions"] == pytest.approx(sums[:, 0].sum(), rel=1e-12)
        assert row["revenue_eur"] == pytest.approx(sums[:, 1].sum(), rel=1e-12)
        for column, name in ((0, "conversions"), (1, "revenue")):
            margin = jackknife(sums, lambda kept, c=column: kept[:, c].sum() * 100 / 99)
            assert row[f"{name}_high"] - sums[:, column].sum() == pytest.approx(margin, rel=1e-9)
        margin = jackknife(sums, lambda kept: kept[:, 0].sum() / kept[:, 2].sum())
        assert row["share"] == pytest.approx(sums[:, 0].sum() / sums[:, 2].sum(), rel=1e-12)
        assert row["share_high"] - row["share"] == pytest.approx(margin, rel=0.01)  # linear form: nearly equal
    assert set(result.groupby("model")["share"].sum().round(12)) == {1.0}


def test_the_share_of_a_channel_that_shares_every_order_alike_has_no_width_left_by_rounding() -> None:
    """Every bucket says the same; its sums leave 1e-16, whose root would be 1e-8 and another one in another order."""
    thirds = pd.DataFrame([{"conversion_id": f"o{i}", "person_bucket": i} for i in range(7)]).assign(
        campaign_id="", conversion_date=AS_OF, revenue_eur=49.99, margin_eur=20.0, credit=1 / 3
    )
    credits = pd.concat([thirds.assign(channel=channel) for channel in CHANNELS[:3]])
    result = run(int_attribution__rule_credits=rule_credits(credits))
    linear = result[(result["window_name"] == "last_28_days") & (result["model"] == "linear")]
    assert list(linear["share_high"] - linear["share_low"]) == [0.0] * len(linear)


def test_costs_meet_credits_once_and_stand_alone_where_nothing_was_earned() -> None:
    credits = pd.DataFrame(
        [
            {"conversion_id": "o1", "channel": "email", "campaign_id": "nl_1"},
            {"conversion_id": "o2", "channel": "email", "campaign_id": "nl_2"},
        ]
    ).assign(person_bucket=1, conversion_date=AS_OF, revenue_eur=50.0, margin_eur=20.0, credit=1.0)
    spend = [
        {"spend_date": AS_OF - timedelta(days=day), "channel": channel, "campaign_id": campaign, "cost_eur": cost}
        for day, channel, campaign, cost in [
            (0, "email", "nl_1", 10),
            (1, "email", "nl_1", 15),
            (1, "tv", "flight", 100),
            (27, "tv", "flight", 7),
            (28, "tv", "flight", 1000),  # a day before the window
        ]
    ]
    result = run(int_attribution__rule_credits=rule_credits(credits), stg_marketing__campaign_spend=spend)
    window = result[(result["window_name"] == "last_28_days") & (result["model"] == "linear")]
    by_channel = window[window["level"] == "channel"].set_index("channel")
    assert by_channel["cost_eur"].astype(float).to_dict() == {"email": 25, "tv": 107}
    assert by_channel["roas"].to_dict() == {"email": pytest.approx(100 / 25), "tv": 0}
    assert by_channel.loc["email", "cost_per_conversion_eur"] == pytest.approx(12.5)
    assert np.isnan(by_channel.loc["tv", "cost_per_conversion_eur"])
    by_campaign = window[window["level"] == "campaign"].set_index("campaign_id")
    assert by_campaign["conversions"].to_dict() == {"nl_1": 1, "nl_2": 1, "flight": 0}
    assert by_campaign["cost_eur"].astype(float).fillna(0).to_dict() == {"nl_1": 25, "nl_2": 0, "flight": 107}
    days = result[(result["window_name"] == f"day:{AS_OF - timedelta(days=1)}") & (result["level"] == "channel")]
    assert len(days) == 6 * 2  # a day with spend but no order shows its cost in every model
    assert days["cost_eur"].astype(float).sum() == 6 * 115


def test_a_mailing_costs_its_letters_unless_the_spend_feed_reports_it() -> None:
    costs = run_model(
        "int_attribution__costs",
        int_calendar__as_of=[{"as_of_date": AS_OF}],
        stg_marketing__campaign_spend=[
            {"spend_date": AS_OF, "channel": "catalog", "campaign_id": "m2", "cost_eur": 500, "impressions": 9}
        ],
        stg_marketing__mailings=[
            {"mailing_id": mailing, "customer_key": key, "arm": arm, "unit_cost_eur": 2}
            | {"dropped_date": AS_OF + timedelta(days=shift)}
            for mailing, key, arm, shift in [
                ("m1", "a", "catalog", 0),
                ("m1", "b", "catalog_followup", 0),
                ("m1", "c", "holdout", 0),
                ("m1", "d", "catalog", 1),
                ("m2", "a", "catalog", 0),
            ]
        ],
    )
    assert dict(zip(costs["campaign_id"], costs["cost_eur"].astype(float), strict=True)) == {"m1": 4, "m2": 500}


def test_models_of_ml_stand_beside_the_rules_for_windows_of_the_same_day() -> None:
    fitted = {
        "model": "markov",
        "level": "channel",
        "channel": "email",
        "conversions": 40.0,
        "revenue_eur": 80.0,
        "revenue_low": 60.0,
        "revenue_high": 100.0,
        "verdict": "supported",
    }
    stale = AS_OF - timedelta(days=1)
    result = run(
        channel_credits=[
            fitted | {"window_name": "last_28_days", "window_end": AS_OF},
            fitted | {"window_name": "last_28_days", "window_end": stale, "channel": "store"},
        ],
        stg_marketing__campaign_spend=[
            {"spend_date": AS_OF, "channel": "email", "campaign_id": "nl", "cost_eur": 40},
            {"spend_date": AS_OF, "channel": "tv", "campaign_id": "flight", "cost_eur": 60},
        ],
    )
    markov = result[result["model"] == "markov"].set_index("channel")
    assert sorted(markov.index) == ["email", "tv"]
    assert markov.loc["email", ["roas", "roas_low", "roas_high"]].tolist() == [2.0, 1.5, 2.5]
    assert markov.loc["email", "verdict"] == "supported"
    assert markov.loc["tv", "roas"] == 0


def test_fewer_than_thirty_credited_orders_are_not_enough() -> None:
    credits = pd.DataFrame({"conversion_id": [f"o{i}" for i in range(70)]}).assign(
        channel=["email"] * 30 + ["store"] * 29 + ["tv"] * 11, campaign_id="", person_bucket=range(70)
    )
    credits = credits.assign(conversion_date=AS_OF, revenue_eur=1.0, margin_eur=1.0, credit=1.0)
    result = run(int_attribution__rule_credits=rule_credits(credits))
    window = result[(result["window_name"] == "last_28_days") & (result["level"] == "channel")]
    verdicts = window[window["model"] == "first"].set_index("channel")["verdict"].to_dict()
    assert verdicts == {"email": "supported", "store": "not enough data", "tv": "not enough data"}
