"""The catalog: what each mailing added and earned, and whom to mail next."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa

from ml.catalog_effect import targets
from ml.catalog_segments import compare, response_deciles
from orchestration.defs.ml.tables import TABLES
from orchestration.defs.reports import check, preview
from orchestration.defs.resources import Warehouse

#: Raise it when the estimators change: every mailing is then judged anew.
_VERSION = "2"
_SEED = 20260101
_HOLDOUT = "holdout"
_NOT_MAILED = "not mailed"
_NEXT = "next"
_TOGETHER = "all"
_KNOWN = (
    "orders_365",
    "demand_365_eur",
    "orders_90",
    "demand_90_eur",
    "days_since_last_order",
    "days_since_first_order",
    "visits_90",
    "mailings_365",
)
_PLACEBO = "placebo_demand_eur"
_DIMENSIONS = ("response_decile", "recency_class", "segment")
_SEGMENTS_KEPT = 10
#: Contribution margin of demand whose cost nobody delivered, as in the journey index.
_MARGIN_SHARE = 0.4
_TABLES = ("catalog_effects", "catalog_balance", "catalog_targets", "catalog_curve", "catalog_targeting")
_EFFECTS = dg.AssetKey(["ml", "catalog_effects"])
_TARGETS = dg.AssetKey(["ml", "catalog_targets"])
_LOTTERY_CHECK = "no_advice_without_a_fair_lottery"
_PLAN_CHECK = "arms_have_the_planned_sizes"
_LEAK_CHECK = "features_end_before_the_list"
_DESCRIPTIONS = {
    "catalog_effects": "One row per mailing x segment x pair of arms: what it added, what that earned, what to do.",
    "catalog_balance": "One row per mailing x pair of arms x known trait: are the arms alike?",
    "catalog_targets": "One row per customer who may be mailed next: what mailing him is expected to add.",
    "catalog_curve": "One row per share of customers mailed, best first: the profit measured on unseen customers.",
    "catalog_targeting": "One row: how well choosing whom to mail works.",
}


@dg.multi_asset(
    name="ml__catalog",
    specs=[
        dg.AssetSpec(
            dg.AssetKey(["ml", name]),
            description=_DESCRIPTIONS[name],
            deps=[
                dg.AssetKey(["intermediate", "int_catalog__features"]),
                dg.AssetKey(["intermediate", "int_catalog__orders"]),
                dg.AssetKey(["marts", "fct_catalog_recipients"]),
                dg.AssetKey(["marts", "fct_conversions"]),
                dg.AssetKey(["seeds", "mailing_arms"]),
            ],
            group_name="ml/catalog",
            kinds={"python", "duckdb"},
            owners=["team:science"],
            code_version=_VERSION,
        )
        for name in _TABLES
    ],
    check_specs=[
        dg.AssetCheckSpec(
            _LOTTERY_CHECK,
            asset=_EFFECTS,
            blocking=True,
            description="Nothing is recommended from a mailing whose arms lost customers or are not alike, nor from a "
            "segment that stands out only because many were looked at.",
        ),
        dg.AssetCheckSpec(
            _PLAN_CHECK,
            asset=_EFFECTS,
            description="The arms of every mailing have the sizes that were planned (seed mailing_arms).",
        ),
        dg.AssetCheckSpec(
            _LEAK_CHECK,
            asset=_TARGETS,
            blocking=True,
            description="What is known of a customer is what his orders of before the list was drawn say.",
        ),
    ],
    pool="warehouse",
)
def catalog_effects(warehouse: Warehouse) -> Iterator[Any]:
    leaks = warehouse.read_query("ml/check_catalog_features.sql")
    mailings = warehouse.read_query("ml/catalog_mailings.sql").to_pandas()
    results, fitted = _judge(warehouse, mailings)
    for name, frame in results.items():
        warehouse.replace(f"ml.{name}", _table(name, frame))
    effects = _table("catalog_effects", results["catalog_effects"])
    shown = effects.select(["mailing_id", "dimension", "segment", "treated_arm", "control_arm", "profit", "verdict"])
    verdicts = effects.to_pandas()["recommendation"].value_counts().to_dict()
    unplanned = effects.filter(pa.compute.equal(effects["verdict"], "sample ratio mismatch"))
    for name in _TABLES:
        metadata: dict[str, Any] = {"dagster/row_count": len(results[name])}
        checks = []
        if name == "catalog_effects":
            metadata |= {**verdicts, "estimated_anew": fitted, "preview": preview(shown)}
            checks = [
                check(_LOTTERY_CHECK, warehouse.read_query("ml/check_catalog_lottery.sql")),
                check(_PLAN_CHECK, unplanned)._replace(severity=dg.AssetCheckSeverity.WARN),
            ]
        elif name == "catalog_targets":
            checks = [check(_LEAK_CHECK, leaks)]
        key = dg.AssetKey(["ml", name])
        checks = [result._replace(asset_key=key) for result in checks]
        yield dg.MaterializeResult(asset_key=key, metadata=metadata, check_results=checks)


def _judge(warehouse: Warehouse, mailings: pd.DataFrame) -> tuple[dict[str, pd.DataFrame], list[str]]:
    """The tables, and what of them was estimated anew because its inputs changed."""
    with warehouse.connect() as connection:
        stored = {name: connection.execute(f"select * from ml.{name}").df() for name in _TABLES}
    hashes = {str(name): _hash([str(content)]) for name, content in mailings[["mailing_id", "input_hash"]].to_numpy()}
    lotteries = [str(name) for name in mailings.loc[mailings["has_holdout"], "mailing_id"]]
    done = {name: hashes[name] for name in hashes if name != _NEXT}
    if len(lotteries) > 1:
        done[_TOGETHER] = _hash([hashes[name] for name in lotteries])
    effects, balances, fitted = [], [], []
    for mailing, wanted in done.items():
        old = stored["catalog_effects"].query("mailing_id == @mailing and input_hash == @wanted")
        if len(old):
            effects.append(old)
            balances.append(stored["catalog_balance"].query("mailing_id == @mailing"))
            continue
        fitted.append(mailing)
        frame = _read(warehouse, lotteries if mailing == _TOGETHER else [mailing])
        rows, balance = _compare(frame)
        effects.append(rows.assign(mailing_id=mailing, input_hash=wanted))
        balances.append(balance.assign(mailing_id=mailing))
    results = {"catalog_effects": _joined(effects), "catalog_balance": _joined(balances)}
    wanted = _hash([hashes.get(_NEXT, ""), *(hashes[name] for name in lotteries)])
    if list(stored["catalog_targeting"]["input_hash"]) == [wanted]:
        results |= {name: stored[name] for name in _TABLES if name not in results}
    else:
        broken = results["catalog_effects"].query("verdict == 'sample ratio mismatch'") if len(effects) else None
        fair = [name for name in lotteries if broken is None or name not in set(broken["mailing_id"])]
        results |= _choose(_read(warehouse, [*fair, _NEXT]), wanted) if fair and _NEXT in hashes else {}
        fitted.append(_NEXT)
    return {name: results.get(name, pd.DataFrame()) for name in _TABLES}, fitted


def _read(warehouse: Warehouse, mailings: Sequence[str]) -> pd.DataFrame:
    frame = warehouse.read_query("ml/catalog_customers.sql", mailings=list(mailings)).to_pandas()
    common = frame["segment"].value_counts().index[1:_SEGMENTS_KEPT]
    return frame.assign(**{f"segment: {name}": (frame["segment"] == name).astype(float) for name in common})


def _covariates(frame: pd.DataFrame) -> list[str]:
    return [*_KNOWN, *(name for name in frame.columns if name.startswith("segment: "))]


def _compare(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = _covariates(frame)
    holdout = _HOLDOUT if (frame["arm"] == _HOLDOUT).any() else _NOT_MAILED
    costs = frame[frame["arm"] != holdout].groupby("arm")["cost_eur"].mean()
    planned = frame.groupby("arm")["planned_share"].mean() if frame["mailing_id"].nunique() == 1 else None
    share = _margin_share(frame)
    deciles = response_deciles(
        frame, outcome="demand_eur", covariates=names, cluster="person_id", strata="mailing_id",
        rng=np.random.default_rng(_SEED),
    )  # fmt: skip
    comparison = compare(
        frame.assign(response_decile=deciles.map(lambda value: f"{value:02.0f}", na_action="ignore")),
        outcome="demand_eur",
        arm="arm",
        holdout=holdout,
        arm_costs={str(arm): float(cost) for arm, cost in costs.items()},
        margin_share=share,
        dimensions=_DIMENSIONS,
        covariates=[*names, _PLACEBO],
        randomised=False if holdout == _NOT_MAILED else None,
        planned_shares=None if planned is None else {str(arm): value for arm, value in planned.dropna().items()},
        placebo=_PLACEBO,
        cluster="person_id",
        strata="mailing_id",
        rng=np.random.default_rng(_SEED),
    )
    return comparison.to_frame().assign(margin_share=share), comparison.balance


def _choose(frame: pd.DataFrame, input_hash: str) -> dict[str, pd.DataFrame]:
    candidates = frame[frame["mailing_id"] == _NEXT].reset_index(drop=True)
    recipients = frame[frame["mailing_id"] != _NEXT]
    costs = recipients[recipients["arm"] != _HOLDOUT].groupby("arm")["cost_eur"].mean()
    if candidates.empty or costs.empty:
        return {}
    arm = str(costs.idxmin())
    unit_cost, margin_share = float(costs[arm]), _margin_share(recipients)
    chosen = targets(
        recipients,
        outcome="demand_eur",
        arm="arm",
        control=_HOLDOUT,
        treated=arm,
        unit_cost=unit_cost,
        margin_share=margin_share,
        covariates=_covariates(frame),
        candidates=candidates,
        cluster="person_id",
        strata="mailing_id",
        rng=np.random.default_rng(_SEED),
    )
    figures = {name: getattr(chosen, name) for name in TABLES["catalog_targeting"].names if hasattr(chosen, name)}
    figures |= {"treated_arm": arm, "unit_cost": unit_cost, "margin_share": margin_share, "input_hash": input_hash}
    figures["mailings"] = recipients["mailing_id"].nunique()
    return {
        "catalog_targets": chosen.to_frame().assign(
            customer_key=candidates["customer_key"], treated_arm=arm, unit_cost=unit_cost
        ),
        "catalog_curve": chosen.curve.assign(treated_arm=arm),
        "catalog_targeting": pd.DataFrame([figures]),
    }


def _margin_share(frame: pd.DataFrame) -> float:
    known = frame[frame["margin_eur"].notna()]
    demand, margin = float(known["demand_eur"].sum()), float(known["margin_eur"].sum())
    return margin / demand if demand > 0 and 0 < margin <= demand else _MARGIN_SHARE


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("|".join([_VERSION, *parts]).encode()).hexdigest()[:16]


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _table(name: str, frame: pd.DataFrame) -> pa.Table:
    schema = TABLES[name]
    if frame.empty:
        return schema.empty_table()
    return pa.Table.from_pandas(frame.reindex(columns=schema.names), schema=schema, preserve_index=False)
