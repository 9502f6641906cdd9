"""Days, spend and lift tests that the budget model sees, and the table that sets three measurements side by side."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.dbt_project.runner import run_model, run_models

DAY = date(2026, 3, 2)


def order(number: int, day: date, revenue: float, **more: object) -> dict[str, object]:
    return {
        "conversion_id": f"o{number}", "order_id": f"o{number}", "conversion_date": day, "revenue_eur": revenue,
        "margin_eur": revenue * 0.4, "is_b2b": False, **more,
    }  # fmt: skip


def cost(day: date, channel: str, amount: float, campaign: str = "") -> dict[str, object]:
    return {"cost_date": day, "channel": channel, "campaign_id": campaign, "cost_eur": amount}


def test_days_are_whole_without_business_accounts_and_spend_without_what_is_paid_per_sale() -> None:
    found = run_models(
        ["int_budget__days", "int_budget__spend"],
        int_calendar__as_of=[{"first_date": DAY, "as_of_date": DAY + timedelta(days=3)}],
        int_sales__conversions=[
            order(1, DAY, 100.0),
            order(2, DAY, 9000.0, is_b2b=True),
            order(3, DAY + timedelta(days=2), 50.0, margin_eur=None),
        ],
        int_attribution__costs=[
            cost(DAY, "tv", 30.0, "a"),
            cost(DAY, "tv", 12.5, "b"),
            cost(DAY + timedelta(days=1), "affiliate", 7.0),
            cost(DAY - timedelta(days=9), "tv", 99.0),
        ],
        promotions=[{"name": "sale", "first_date": DAY + timedelta(days=1), "last_date": DAY + timedelta(days=2)}],
    )
    days = found["int_budget__days"].sort_values("sale_date")
    assert list(days["revenue_eur"]) == [100.0, 0.0, 50.0, 0.0]
    assert list(days["revenue_with_margin_eur"]) == [100.0, 0.0, 0.0, 0.0]
    assert list(days["promotions"]) == [0, 1, 1, 0]
    spend = found["int_budget__spend"].sort_values("sale_date")
    assert set(spend["channel"]) == {"tv"}
    assert list(spend["cost_eur"]) == [42.5, 0.0, 0.0, 0.0]


def test_lift_tests_come_from_holdouts_and_from_the_seed_while_their_days_are_there() -> None:
    days = [{"sale_date": DAY + timedelta(days=i)} for i in range(100)]
    spend = [{"sale_date": DAY + timedelta(days=i), "channel": name, "cost_eur": 10.0 * (i in (5, 30))}
             for i in range(100) for name in ("catalog", "tv")]  # fmt: skip
    increment = {
        "experiment_id": "spring", "source": "mailing", "arm": "any", "window_name": "all", "is_complete": True,
        "channel": None, "first_assigned_date": DAY + timedelta(days=5), "last_assigned_date": DAY + timedelta(days=5),
        "window_days": 20, "revenue_eur": 50.0, "revenue_low": 10.4, "revenue_high": 89.6, "verdict": "supported",
    }  # fmt: skip
    seed = {"channel": "tv", "test_name": "geo", "first_date": DAY, "last_date": DAY + timedelta(days=40),
            "lift_eur": 80.0, "standard_error_eur": 8.0}  # fmt: skip
    found = run_model(
        "fct_lift_tests",
        int_budget__days=days,
        int_budget__spend=spend,
        fct_experiment_increments=[
            increment,
            {**increment, "experiment_id": "running", "is_complete": False},
            {**increment, "experiment_id": "broken", "verdict": "sample ratio mismatch"},
            {**increment, "experiment_id": "on site", "source": "experiment"},
        ],
        lift_tests=[seed, {**seed, "test_name": "too early", "first_date": DAY - timedelta(days=3)}],
    ).set_index("test_name")
    assert set(found.index) == {"mailing spring", "geo"}
    spring = found.loc["mailing spring"]
    assert (spring["channel"], spring["lift_eur"], spring["cost_eur"]) == ("catalog", 50.0, 10.0)
    assert spring["standard_error_eur"] == pytest.approx(79.2 / 3.92)
    assert found.loc["geo", "cost_eur"] == 20.0


def test_disagreement_between_the_three_is_flagged() -> None:
    end = date(2026, 10, 31)
    window = {"window_name": "last_365_days", "window_start": end - timedelta(days=364), "window_end": end}

    def credit(channel: str, model: str, roas: float) -> dict[str, object]:
        return {**window, "model": model, "level": "channel", "channel": channel, "campaign_id": "", "roas": roas,
                "cost_eur": 1000.0}  # fmt: skip

    def curve(channel: str, roas: float, verdict: str = "supported") -> dict[str, object]:
        return {"channel": channel, "outcome": "revenue", "roas": roas, "roas_low": roas * 0.8, "roas_high": roas * 1.2,
                "verdict": verdict, "reason": "time series"}  # fmt: skip

    def test(channel: str, roas: float) -> dict[str, object]:
        return {"channel": channel, "test_name": channel, "first_date": date(2026, 5, 1), "last_date": date(2026, 6, 1),
                "lift_eur": roas * 100, "standard_error_eur": 5.0, "cost_eur": 100.0}  # fmt: skip

    found = run_model(
        "rpt_channel_reconciliation",
        int_journeys__windows=[window],
        fct_channel_credits=[
            credit("same", "markov", 2.0), credit("same", "last", 3.0), credit("too_much", "markov", 5.0),
            credit("too_little", "markov", 0.5), credit("tested", "markov", 3.0), credit("contradicted", "markov", 2.0),
            credit("unknown", "markov", 2.0), credit("affiliate", "markov", 9.0),
        ],
        response_channels=[
            curve("same", 2.0), curve("too_much", 2.0), curve("too_little", 2.0), curve("contradicted", 2.0),
            curve("unknown", 9.0, "not identified"), curve("tested", 1.0, "not enough data"),
        ],
        fct_lift_tests=[test("contradicted", 6.0), test("tested", 1.0)],
    ).set_index("channel")  # fmt: skip
    assert dict(found["verdict"]) == {
        "same": "agree",
        "too_much": "attribution overstates",
        "too_little": "attribution understates",
        "tested": "attribution overstates",
        "contradicted": "model and experiment disagree",
        "unknown": "nothing to compare with",
        "affiliate": "nothing to compare with",
    }
    assert found.loc["tested", "experiment_roas"] == pytest.approx(1.0)
    assert found.loc["tested", "experiment_roas_high"] == pytest.approx(1.0 + 1.645 * 0.05)
    assert found.loc["affiliate", "model_reason"] == "paid per sale"
