"""How often intervals of a mailing's effect hold the truth: `python -m benchmarks.coverage_catalog [part ...]`.

Parts: `lottery` (500 mailings without and with an effect), `uplift` (100 targeting models), `shop` (50 simulated shops
whose mailing went to chosen customers), `lalonde FOLDER` (50 ways to cut the folds of a public comparison group).
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from ml.catalog_effect import estimate, targets

WORLDS = 500
SEEDS = 50
LALONDE_TRUTH = 1794.34


def main() -> None:
    parts = sys.argv[1:] or ["lottery", "uplift", "shop"]
    print("| what | held the truth | worlds | mean estimate | mean truth | naive | not randomised |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    if "lottery" in parts:
        for lift in (0.0, 2.0):
            for names in ((), ("past",)):
                lottery(lift, names)
    if "uplift" in parts:
        uplift()
    if "shop" in parts:
        report("chosen customers in the shop", [chosen_in_the_shop(seed) for seed in range(SEEDS)])
    if "lalonde" in parts:
        lalonde(Path(parts[parts.index("lalonde") + 1]))


def lottery(lift: float, names: tuple[str, ...]) -> None:
    """Skewed demand, mostly zero, that depends on past demand; arms of unequal size."""
    rows = []
    for seed in range(WORLDS):
        rng = np.random.default_rng(seed)
        past = rng.gamma(1, 10, 1000)
        mailed = rng.random(1000) < 0.7
        demand = (rng.random(1000) < 0.3) * rng.gamma(1, 20, 1000) + 0.3 * past + lift * mailed
        frame = pd.DataFrame({"arm": np.where(mailed, "catalog", "holdout"), "demand": demand, "past": past})
        found = estimate(
            frame, outcome="demand", arm="arm", control="holdout", unit_cost=1.0, margin_share=0.4, covariates=names
        )
        rows.append((found.effect, found.effect_low, found.effect_high, lift, found.naive, found.is_randomised))
    report(f"lottery, effect {lift:g}" + (", adjusted" if names else ""), rows)


def uplift() -> None:
    """Profit of choosing: is the measured gain of the chosen their true one?"""
    rows = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        frame = pd.DataFrame({"a": rng.gamma(1, 1, 4000), "b": rng.normal(0, 1, 4000)})
        effect = 6.0 * (frame["a"] > 1)
        mailed = rng.random(4000) < 0.6
        frame["demand"] = rng.gamma(1, 8, 4000) + 2 * frame["a"] + effect * mailed
        frame["arm"] = np.where(mailed, "catalog", "holdout")
        found = targets(
            frame,
            outcome="demand",
            arm="arm",
            control="holdout",
            unit_cost=1.0,
            margin_share=0.4,
            covariates=["a", "b"],
        )
        chosen = found.customers["mail"].to_numpy()
        profit = 0.4 * effect - 1.0
        truth = float((profit * chosen).mean() - max(profit.mean(), 0))
        rows.append((found.gain, found.gain_low, found.gain_high, truth, 0.0, True))
    report("gain of choosing", rows)


def chosen_in_the_shop(seed: int) -> tuple[float, float, float, float, float, bool]:
    """The shop's third catalog, sent to customers by what they bought before, and no lottery.

    The shop knows which orders only the catalog caused: without them a customer's demand is what it would have been.
    """
    from orchestration.sources.demo.assortment import CHANNELS
    from orchestration.sources.demo.ledger import counts, order_cents
    from orchestration.sources.demo.mailings import CATALOG_LIFT, FOLLOWUP_LIFT
    from orchestration.sources.demo.people import SEGMENTS
    from orchestration.sources.demo.shop import simulate
    from orchestration.sources.demo.sizes import Size

    days = 400
    world = simulate(Size(web=0.15, trade=0.5, people=1.0, social=0.0), date(2026, 11, 23), days, 0, seed)
    orders, recipients = world.sales.orders, world.catalog.recipients
    wave = 2
    drop = world.story.waves[wave]
    mine = recipients["wave"] == wave
    person, arm = recipients["person"][mine], recipients["arm"][mine]
    person, arm = person[arm > 0], arm[arm > 0]
    day = world.clock.day_of(orders["time"])
    revenue = order_cents(world.sales)["revenue_kept"] / 100 * counts(world.sales, days)
    caused = (orders["cause"] == CHANNELS.index("catalog")) & (orders["wave"] == wave)

    def demand(rows: np.ndarray) -> np.ndarray:
        known = rows & (orders["person"] >= 0)
        return np.bincount(orders["person"][known], revenue[known], world.people.count)[person]

    def number(rows: np.ndarray) -> np.ndarray:
        known = rows & (orders["person"] >= 0) & (revenue > 0)
        return np.bincount(orders["person"][known], minlength=world.people.count)[person].astype(float)

    window = (day > drop) & (day <= drop + 60)
    before = day < drop
    last = np.full(world.people.count, -999.0)
    known = before & (orders["person"] >= 0)
    np.maximum.at(last, orders["person"][known], day[known])
    segment = world.people.segment[person]
    frame = pd.DataFrame(
        {
            "orders": number(before),
            "demand_before": demand(before),
            "demand_90": demand(before & (day >= drop - 90)),
            "days_since": drop - last[person],
            **{f"is_{name}": (segment == code).astype(float) for code, name in enumerate(SEGMENTS[1:], 1)},
        }
    )
    rng = np.random.default_rng(seed)
    taste = -1.0 + 0.5 * np.log1p(frame["demand_before"].to_numpy()) / 2 + 1.2 * (segment == 0) + 0.4 * (segment == 1)
    chosen = rng.random(len(person)) < 1 / (1 + np.exp(-taste))
    without = demand(window & ~caused)
    frame["demand"] = np.where(chosen, demand(window), without)
    frame["arm"] = np.where(chosen, "catalog", "not mailed")
    every = (orders["cause"] == CHANNELS.index("catalog")) & (orders["wave"] >= 0)
    worth = revenue[every].sum() / len(world.catalog.orders["day"])
    lift = np.array([CATALOG_LIFT[name] for name in SEGMENTS])[segment]
    lift = lift + (arm == 2) * np.array([FOLLOWUP_LIFT[name] for name in SEGMENTS])[segment]
    found = estimate(
        frame, outcome="demand", arm="arm", control="not mailed", unit_cost=1.15, margin_share=0.4,
        covariates=[name for name in frame if name not in ("demand", "arm")], rng=np.random.default_rng(seed),
    )  # fmt: skip
    truth = float((lift[chosen] * worth).mean())
    return found.effect, found.effect_low, found.effect_high, truth, found.naive, found.is_randomised


def lalonde(folder: Path) -> None:
    """The trained against people of a survey; the truth is what the experiment with the same trained said."""
    experiment, others = (pd.read_csv(folder / f"{name}_mixtape.csv.gz") for name in ("nsw", "cps"))
    frame = pd.concat([experiment[experiment["treat"] == 1], others])
    names = ["age", "educ", "black", "hisp", "marr", "nodegree", "re74", "re75"]
    rows = []
    for seed in range(SEEDS):
        found = estimate(
            frame, outcome="re78", arm="treat", control=0, unit_cost=0.0, margin_share=1.0, covariates=names,
            rng=np.random.default_rng(seed),
        )  # fmt: skip
        rows.append(
            (found.effect, found.effect_low, found.effect_high, LALONDE_TRUTH, found.naive, found.is_randomised)
        )
    report("LaLonde, other folds", rows)


def report(name: str, rows: list[tuple[float, float, float, float, float, bool]]) -> None:
    effect, low, high, truth, naive, is_randomised = np.array(rows, dtype=float).T
    held = ((low <= truth) & (truth <= high)).mean()
    print(
        f"| {name} | {held:.1%} | {len(rows)} | {effect.mean():.2f} | {truth.mean():.2f} | {naive.mean():.2f} "
        f"| {1 - is_randomised.mean():.0%} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
