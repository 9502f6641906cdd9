"""Where should the next euro go: response curves of the paid channels, and the best split of the budget on them."""

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from ml import (
    adstock,
    budget,
    budget_allocation,
    calendar,
    experiment_curves,
    identification,
    response_curves,
    response_model,
)
from ml.budget import LiftTest, ResponseCurves, fit
from orchestration.defs.ml import refit
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

_MODEL = "response_curves"
_SEED = 20260101
_MINIMUM_DAYS = 180
_CONTROLS = ("temperature_max_celsius", "precipitation_mm", "sunshine_minutes", "promotions")
_LEVELS = 25
_DRAWS = 100
_OBSERVED_DAYS = 28
_SCENARIOS = {"same budget": 1.0, "10 % less": 0.9, "10 % more": 1.1, "25 % more": 1.25}
_TABLES = ("response_channels", "response_curves", "response_draws", "budget_allocation")
_CODE = (
    adstock,
    budget,
    budget_allocation,
    calendar,
    experiment_curves,
    identification,
    response_curves,
    response_model,
)
_DESCRIPTIONS = {
    "response_channels": "One row per paid channel: its curve, its return on spend with 90 % interval, its verdict.",
    "response_curves": "One row per channel x level of spend, with the 90 % interval of what it brings.",
    "response_draws": "One row per channel x draw x level of spend, for intervals of sums over channels.",
    "budget_allocation": "One row per scenario x channel: spend now and proposed, within limits, and what that brings.",
}
_BUDGET_CHECK = "budget_and_limits_are_met"
_CURVE_CHECK = "curves_say_what_their_data_can"


@dg.multi_asset(
    name="ml__budget",
    specs=[
        dg.AssetSpec(
            dg.AssetKey(["ml", name]),
            description=_DESCRIPTIONS[name],
            deps=[
                dg.AssetKey(["intermediate", "int_budget__days"]),
                dg.AssetKey(["intermediate", "int_budget__spend"]),
                dg.AssetKey(["intermediate", "int_budget__settings"]),
                dg.AssetKey(["marts", "fct_lift_tests"]),
            ],
            group_name="ml/budget",
            kinds={"python", "duckdb"},
            owners=["team:science"],
            code_version="2",
        )
        for name in _TABLES
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _BUDGET_CHECK,
            asset=dg.AssetKey(["ml", "budget_allocation"]),
            blocking=True,
            description="Every scenario meets its budget to the cent, keeps its limits, and leaves alone what is not "
            "identified.",
        ),
        dg.AssetCheckSpec(
            _CURVE_CHECK,
            asset=dg.AssetKey(["ml", "response_channels"]),
            blocking=True,
            description="Curves never fall and lie in their interval; no return is called supported without one, or on "
            "fewer than 20 days with spend.",
        ),
    ],
    pool="warehouse",
)
def response_models(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[Any]:
    days = warehouse.read_query("ml/budget_days.sql")
    spend = warehouse.read_query("ml/budget_spend.sql")
    tests = warehouse.read_query("ml/budget_lift_tests.sql")
    inputs, version = refit.inputs_hash(days, spend, tests), refit.code_version(*_CODE)
    if refit.unchanged(warehouse, _MODEL, inputs, version):
        context.log.info("inputs and code are those of the last fit: its curves stay")
    else:
        for name, rows in fitted_tables(days.to_pandas(), spend.to_pandas(), tests.to_pandas()).items():
            warehouse.replace(f"ml.{name}", rows)
        refit.remember(warehouse, _MODEL, inputs, version, card=json.dumps(_card(days)))
    checks = {
        "budget_allocation": check(_BUDGET_CHECK, warehouse.read_query("ml/check_budget.sql")),
        "response_channels": check(_CURVE_CHECK, warehouse.read_query("ml/check_response.sql")),
    }
    checks = {name: result._replace(asset_key=dg.AssetKey(["ml", name])) for name, result in checks.items()}
    for name in _TABLES:
        with warehouse.connect() as connection:
            rows = connection.execute(f"select * from ml.{name}").to_arrow_table()
        yield dg.MaterializeResult(
            asset_key=dg.AssetKey(["ml", name]),
            metadata={"dagster/row_count": rows.num_rows, "preview": preview(rows)},
            check_results=[checks[name]] if name in checks else [],
        )


def fitted_tables(days: pd.DataFrame, spend: pd.DataFrame, tests: pd.DataFrame) -> dict[str, pa.Table]:
    """Fit and allocate; empty tables while there are too few days, or nothing is spent."""
    if len(days) < _MINIMUM_DAYS or spend.empty:
        return {name: TABLES[name].empty_table() for name in _TABLES}
    wide = spend.pivot(index="sale_date", columns="channel", values="cost_eur")
    channels = list(wide.columns)
    frame = days.merge(wide.add_prefix("spend of "), left_on="sale_date", right_index=True)
    controls = [name for name in _CONTROLS if frame[name].nunique() > 1]
    frame[controls] = frame[controls].fillna(frame[controls].mean())
    if "temperature_max_celsius" in controls:  # heat and cold do not move sales alike
        centred = frame["temperature_max_celsius"] - frame["temperature_max_celsius"].mean()
        frame["temperature_squared"] = centred**2
        controls.append("temperature_squared")
    settings = days.iloc[-1]
    is_money = settings["outcome_name"] != "orders"
    curves = fit(
        frame,
        date="sale_date",
        outcome="outcome",
        spend=[f"spend of {name}" for name in channels],
        controls=controls,
        countries=str(settings["countries"]).split(),
        lift_tests=[
            LiftTest(f"spend of {channel}", first, last, lift, error)
            for channel, first, last, lift, error in tests.itertuples(index=False, name=None)
            if settings["outcome_name"] == "revenue" and channel in channels
        ],
        rng=np.random.default_rng(_SEED),
    )
    priced = days["revenue_with_margin_eur"].sum()
    share = days["margin_eur"].sum() / priced if settings["outcome_name"] == "revenue" and priced > 0 else None
    summary = curves.to_frame().assign(
        channel=channels,
        outcome=settings["outcome_name"],
        first_date=curves.first_date,
        last_date=curves.last_date,
        days=len(frame),
        margin_share=share if is_money and share is not None else (1.0 if is_money else None),
    )
    lines, draws = _curve_rows(curves, channels, float(settings["highest_share"]))
    parts = {
        "response_channels": summary,
        "response_curves": lines,
        "response_draws": draws,
        "budget_allocation": _scenarios(curves, channels, settings),
    }
    return {
        name: pa.Table.from_pandas(part[TABLES[name].names], schema=TABLES[name], preserve_index=False)
        for name, part in parts.items()
    }


def _scenarios(curves: ResponseCurves, channels: list[str], settings: pd.Series) -> pd.DataFrame:
    current = dict(zip(curves.channels, curves.current, strict=True))
    lower = {name: amount * float(settings["lowest_share"]) for name, amount in current.items()}
    upper = {name: amount * float(settings["highest_share"]) for name, amount in current.items()}
    identified = dict(zip(curves.channels, curves.identified, strict=True))
    least, most = (
        sum(limit[name] if identified[name] else current[name] for name in current) for limit in (lower, upper)
    )
    parts = []
    for scenario, factor in _SCENARIOS.items():
        # What limits do not allow is brought to the nearest budget they do.
        total = min(max(float(curves.current.sum()) * factor, least), most)
        step = float(settings["step_eur"]) or None
        split = curves.allocate(total, lower, upper, step=step, timing="observed")
        low, high = split.gain_interval
        parts.append(
            split.to_frame().assign(
                channel=channels,
                scenario=scenario,
                total_spend=split.total,
                total_gain=split.gain,
                total_gain_low=low,
                total_gain_high=high,
                verdict=split.verdict,
                reason=split.reason.replace("spend of ", ""),
            )
        )
    return pd.concat(parts, ignore_index=True)


def _curve_rows(curves: ResponseCurves, channels: list[str], highest: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    lines, draws = [], []
    for c, channel in enumerate(channels):
        now = float(curves.current[c])
        most = pd.Series(curves.spends[:, c]).rolling(_OBSERVED_DAYS).mean().max()
        if now <= 0:
            continue
        levels = np.unique(np.append(np.linspace(0, max(highest, 2.0) * now, _LEVELS), now))
        responses = curves.responses(c, levels, "observed")
        low, high = np.quantile(responses, (0.05, 0.95), axis=0)
        mean = responses.mean(axis=0)
        low, high = np.minimum(low, mean), np.maximum(high, mean)
        lines.append(
            pd.DataFrame(
                {
                    "channel": channel,
                    "spend_eur": levels,
                    "response": mean,
                    "response_low": low,
                    "response_high": high,
                    "marginal_return": np.gradient(mean, levels),
                    "is_current": levels == now,
                    "is_observed": levels <= most,
                }
            )
        )
        kept = responses[:: max(1, len(responses) // _DRAWS)][:_DRAWS]
        draws.append(
            pd.DataFrame(
                {
                    "channel": channel,
                    "draw": np.repeat(np.arange(len(kept)), len(levels)),
                    "spend_eur": np.tile(levels, len(kept)),
                    "response": kept.ravel(),
                }
            )
        )
    return pd.concat(lines, ignore_index=True), pd.concat(draws, ignore_index=True)


def _card(days: pa.Table) -> dict[str, str]:
    return {
        "data": f"{days.num_rows} days of marts, spend per channel, lift tests and holdouts",
        "method": "effect x saturation(adstock(spend)) beside trend, weekday, season, holidays, weather, promotions; "
        "posterior draws, 90 % intervals widened by what errors leave of correlation",
        "metrics": "coverage and regret over simulated worlds: python -m benchmarks.budget",
        "limits": "a hidden driver of spend and sales that has no memory cannot be seen without an experiment",
    }
