"""Response curves against simulated truth: `python -m benchmarks.budget [worlds] [part ...]`.

Parts: `worlds` (regret of the proposed split, coverage of the ROAS intervals, verdicts), `confounding` (a hidden driver
of spend and sales: seen through a control, corrected by one lift test, or not identified), `lift` (how far one lift
test leads beside such a driver), `speed` (10 channels, three years of days). Spend plans and response curves are those
of the demo shop (`orchestration/sources/demo/media.py`).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from scipy import stats

from ml.budget import LiftTest, ResponseCurves, fit
from orchestration.sources.demo.clock import Clock
from orchestration.sources.demo.media import MEDIA, adstock, hill, make_plan
from orchestration.sources.demo.missions import WEB_WEEKDAYS, season

DAYS = 1095
BASE = 60.0  # orders a day without advertising
NOISE = 0.07  # of a day's orders, beside their Poisson noise at 40 times the size
CHANNELS = [media.channel for media in MEDIA]


@dataclass(frozen=True)
class World:
    """A simulated shop: what is seen of it, and what is true."""

    frame: pd.DataFrame
    spends: np.ndarray
    contributions: np.ndarray  # (n_days, n_channels)

    def roas(self, reference: int) -> np.ndarray:
        return self.contributions[-reference:].sum(axis=0) / self.spends[-reference:].sum(axis=0)


def response(channel: int, spend: np.ndarray) -> np.ndarray:
    """True orders a day at constant spend."""
    media = MEDIA[channel]
    return (media.effect + media.store_effect) * hill(np.maximum(spend, 1e-12), media.half_saturation, media.slope)


def world(seed: int) -> World:
    """Three years of a shop; the season, the weekday and correlated shocks move sales beside the four channels."""
    rng = np.random.default_rng(seed)
    clock = Clock(date(2023, 1, 1), DAYS)
    demand = season(clock)
    spends = make_plan(seed, clock, demand).spend.T
    contributions = np.column_stack(
        [
            (media.effect + media.store_effect)
            * hill(adstock(spends[:, c], media.carry_over), media.half_saturation, media.slope)
            for c, media in enumerate(MEDIA)
        ]
    )
    shocks = rng.standard_normal(DAYS)
    for i in range(1, DAYS):
        shocks[i] = 0.3 * shocks[i - 1] + np.sqrt(1 - 0.3**2) * shocks[i]
    base = BASE * demand * WEB_WEEKDAYS[clock.weekdays] * np.linspace(0.95, 1.05, DAYS)
    outcome = base * (1 + NOISE * shocks) + contributions.sum(axis=1)
    frame = pd.DataFrame({"day": clock.dates, "orders": outcome} | dict(zip(CHANNELS, spends.T, strict=True)))
    return World(frame, spends, contributions)


def best_response(total: float) -> float:
    """True optimum of a constant split, by exhaustion in steps of half a percent."""
    cells = 200
    best = np.full(cells + 1, 0.0)
    for c in range(len(MEDIA)):
        table = response(c, total * np.arange(cells + 1) / cells)
        best = np.array([max(best[b - k] + table[k] for k in range(b + 1)) for b in range(cells + 1)])
    return float(best[-1])


def fitted(seed: int) -> tuple[World, ResponseCurves]:
    made = world(seed)
    curves = fit(
        made.frame, date="day", outcome="orders", spend=CHANNELS, countries=["DE"], rng=np.random.default_rng(seed)
    )
    return made, curves


def run_worlds(count: int) -> None:
    regrets, covered, verdicts, widths = [], [], [], []
    for seed in range(count):
        made, curves = fitted(seed)
        frame = curves.to_frame()
        true = made.roas(curves.reference)
        covered.append((frame["roas_low"] <= true) & (true <= frame["roas_high"]))
        widths.append((frame["roas_high"] - frame["roas_low"]) / 2 / true)
        verdicts.append(frame["identified"])
        split = curves.allocate()
        reached = sum(float(response(c, split.proposed[[c]])[0]) for c in range(len(MEDIA)))
        regrets.append(1 - reached / best_response(split.total))
    regrets_ = np.array(regrets)
    print(f"{count} worlds of {DAYS} days, 4 channels")
    print(f"regret <= 2 % of the true optimum's response: {np.mean(regrets_ <= 0.02):.0%} of worlds "
          f"(median {np.median(regrets_):.2%}, worst {regrets_.max():.2%})")  # fmt: skip
    print(f"90 % ROAS intervals that hold the truth: {np.mean(covered):.1%}")
    print("| channel | coverage | identified | half width against the truth |\n|---|---:|---:|---:|")
    for c, name in enumerate(CHANNELS):
        shares = [np.mean([row.iloc[c] for row in rows]) for rows in (covered, verdicts, widths)]
        print(f"| {name} | " + " | ".join(f"{share:.0%}" for share in shares) + " |")


@dataclass(frozen=True)
class Confounded:
    """A shop whose budget follows a demand that nobody recorded; two channels, two years of days."""

    frame: pd.DataFrame
    roas: float  # of the channel `spend`, true
    marginal_roas: float  # of one percent more of it, true
    tests: tuple[LiftTest, ...]


def confounded(
    seed: int, memory: float, *, varied: bool = False, error: float | None = None, tested: Sequence[int] = (14,)
) -> Confounded:
    """Simulate such a shop.

    Parameters
    ----------
    memory : float
        Correlation of the hidden demand from one day to the next.
    varied : bool
        Whether the curve, too, differs from seed to seed.
    error : float, optional
        Of a lift test, in standard errors; drawn by default.
    tested : sequence of int
        Which periods of four weeks have a lift test, its standard error a tenth of the lift.
    """
    rng = np.random.default_rng(seed)
    carry_over, half_saturation, slope = 0.3, 25.0, 1.3
    if varied:
        chance = np.random.default_rng([seed, 1])
        carry_over, slope = chance.uniform(0, 0.7), chance.uniform(0.8, 2)
        half_saturation *= 2 ** chance.uniform(-1, 1)
    days = pd.date_range("2024-01-01", periods=730)
    demand = rng.standard_normal(len(days))
    for i in range(1, len(days)):
        demand[i] = memory * demand[i - 1] + (1 - memory**2) ** 0.5 * demand[i]
    spend = 20 * np.exp(0.5 * demand + 0.3 * rng.standard_normal(len(days)))
    other = 15 * np.exp(0.5 * rng.standard_normal(len(days)))

    def brought(amounts: np.ndarray) -> np.ndarray:
        return 30 * hill(np.maximum(adstock(amounts, carry_over), 1e-12), half_saturation, slope)

    sales = 100 + 10 * demand + brought(spend) + 15 * hill(adstock(other, 0.2), 15, 1.2)
    sales += 4 * rng.standard_normal(len(days))
    tests = []
    for period in tested:
        inside = np.arange(len(days)) // 28 == period
        lift = float((brought(spend) - brought(np.where(inside, 0, spend)))[inside].sum())
        off = rng.standard_normal() if error is None else error
        first, last = days[28 * period].date(), days[28 * period + 27].date()
        tests.append(LiftTest("spend", first, last, lift * (1 + 0.1 * off), 0.1 * lift))
    frame = pd.DataFrame({"day": days, "sales": sales, "spend": spend, "other": other, "demand": demand})
    now, more = (float(brought(amounts)[-365:].sum()) for amounts in (spend, 1.01 * spend))
    total = float(spend[-365:].sum())
    return Confounded(frame, now / total, (more - now) / (0.01 * total), tuple(tests))


def confounded_fit(made: Confounded, remedy: str, seed: int) -> pd.Series:
    """Row of the channel `spend` with no remedy, the driver as a control, or one lift test."""
    curves = fit(
        made.frame,
        date="day",
        outcome="sales",
        spend=["spend", "other"],
        controls=["demand"] if remedy == "control" else [],
        lift_tests=made.tests if remedy == "lift test" else (),
        draws=300,
        rng=np.random.default_rng(seed),
    )
    return curves.to_frame().iloc[0]


def run_confounding(count: int) -> None:
    print(
        "| memory of the driver | remedy | identified | ROAS against the truth | within 20 % | interval holds truth |"
    )
    print("|---:|---|---:|---:|---:|---:|")
    for memory in (0.0, 0.3, 0.5, 0.8, 0.95, 0.99):
        for remedy in ("none", "control", "lift test"):
            worlds = [confounded(seed, memory) for seed in range(count)]
            rows = [confounded_fit(made, remedy, seed) for seed, made in enumerate(worlds)]
            ratio = np.array([row["roas"] / made.roas for row, made in zip(rows, worlds, strict=True)])
            held = [r["roas_low"] <= m.roas <= r["roas_high"] for r, m in zip(rows, worlds, strict=True)]
            known = np.mean([row["identified"] for row in rows])
            print(
                f"| {memory} | {remedy} | {known:.0%} | {ratio.min():.2f} to {ratio.max():.2f} | "
                f"{np.mean(np.abs(ratio - 1) <= 0.2):.0%} | {np.mean(held):.0%} |",
                flush=True,
            )


def run_lift(count: int) -> None:
    """One lift test in each world, their errors at even quantiles, so that the luck of few tests does not count."""
    errors = stats.norm.ppf((np.arange(count) + 0.5) / count)
    print("| memory of the driver | curve | identified | mean of ROAS against the truth | spread | within 20 % "
          "| half width | interval holds truth | that of the next euro |")  # fmt: skip
    print("|---:|---|---:|---:|---:|---:|---:|---:|---:|")
    for memory in (0.5, 0.95):
        for curve in ("the same", "varied"):
            worlds = [confounded(s, memory, varied=curve == "varied", error=errors[s]) for s in range(count)]
            rows = pd.DataFrame([confounded_fit(made, "lift test", seed) for seed, made in enumerate(worlds)])
            ratio = rows["roas"] / [made.roas for made in worlds]
            width = (rows["roas_high"] - rows["roas_low"]) / 2 / [made.roas for made in worlds]
            held, next_held = (
                np.mean([row[f"{name}_low"] <= getattr(made, name) <= row[f"{name}_high"]
                         for made, (_, row) in zip(worlds, rows.iterrows(), strict=True)])
                for name in ("roas", "marginal_roas")
            )  # fmt: skip
            print(
                f"| {memory} | {curve} | {rows['identified'].mean():.0%} | {ratio.mean():.3f} | {ratio.std():.3f} | "
                f"{np.mean(np.abs(ratio - 1) <= 0.2):.1%} | {width.mean():.2f} | {held:.1%} | {next_held:.1%} |",
                flush=True,
            )


def run_speed(_: int) -> None:
    rng = np.random.default_rng(0)
    n, names = 1095, [f"channel_{i}" for i in range(10)]
    spends = 20 * np.exp(
        0.6 * rng.standard_normal((n // 7 + 1, 10)).repeat(7, 0)[:n] + 0.2 * rng.standard_normal((n, 10))
    )
    outcome = 500 + 20 * rng.standard_normal(n)
    outcome += sum(30 * hill(adstock(spends[:, i], 0.3), 25, 1.2) for i in range(10))
    frame = pd.DataFrame(spends, columns=names).assign(day=pd.date_range("2023-01-01", periods=n), outcome=outcome)
    wall, cpu = time.perf_counter(), time.process_time()
    curves = fit(frame, date="day", outcome="outcome", spend=names, countries=["DE", "AT", "CH"], rng=rng)
    curves.to_frame()
    fitted_wall, fitted_cpu = time.perf_counter() - wall, time.process_time() - cpu
    split = curves.allocate(timing="observed")
    print(f"10 channels, {n} days, with intervals: {fitted_cpu:.1f} CPU seconds, {fitted_wall:.1f} s on the clock")
    print(f"split of the budget: {time.process_time() - cpu - fitted_cpu:.1f} CPU seconds ({split.verdict})")


PARTS = {"worlds": run_worlds, "confounding": run_confounding, "lift": run_lift, "speed": run_speed}


def main() -> None:
    arguments = sys.argv[1:]
    count = int(arguments.pop(0)) if arguments and arguments[0].isdigit() else 50
    for part in arguments or PARTS:
        print(f"\n## {part}")
        PARTS[part](count if part != "confounding" else min(count, 10))


if __name__ == "__main__":
    main()
