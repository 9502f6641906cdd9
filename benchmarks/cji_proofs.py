"""What the journey index must hold, on simulated shops through its SQL: `python -m benchmarks.cji_proofs [proof]`.

Proofs: `defect` (is a planted fall the weakest phase?), `bias` (where a shop at its benchmark scores), `coverage` (what
the 95 % intervals hold). Each takes a number of shops as second argument. Sums per person bucket are drawn, all models
after them run as they are; arithmetic here is that of docs/cji.md and only says what is true of the drawn shops.
"""

from __future__ import annotations

import sys

import numpy as np
import pandas as pd
from scipy.stats import norm

from tests.dbt_project.cji.shops import Shops, shops
from tests.dbt_project.runner import run_models

PARAMETERS = ("time", "pageviews", "visits", "comeback")
SIZES = (500, 2_000, 10_000, 50_000)
PHASES = range(1, 7)


def defect(count: int = 50) -> None:
    """A fall of 0.3 logits in one phase's progress, 20,000 visits: how often is it the lowest score?"""
    print(f"| phase with the fall | lowest of {count} shops |\n|---:|---:|")
    for phase in PHASES:
        change = [-0.3 if other == phase else 0.0 for other in PHASES]
        drawn = shops(np.random.default_rng(phase), count, 20_000, planted={"visits": change})
        weakest = run_models(["fct_cji"], **drawn.frames)["fct_cji"]["weakest_phase"]
        print(f"| {phase} | {weakest.eq(phase).mean():.0%} |", flush=True)


def bias(count: int = 50) -> None:
    """Mean index of shops whose last window is like those of their benchmark, and without shrinkage."""
    print("| visits | index, mean | without shrinkage |\n|---:|---:|---:|")
    for visits in SIZES:
        drawn = shops(np.random.default_rng(visits), count, visits, drift=0.0)
        models = ["fct_cji", "int_cji__parameters", "int_cji__benchmarks"]
        result = run_models(models, **drawn.frames)
        exact = result["int_cji__parameters"].copy()
        exact[[f"{name}_se" for name in PARAMETERS]] = 1e-9
        scores = run_models(
            ["int_cji__phase_scores"], int_cji__parameters=exact, int_cji__benchmarks=result["int_cji__benchmarks"]
        )["int_cji__phase_scores"]
        plain = np.exp(scores.groupby("segment")["log_score"].mean()) * 100
        print(f"| {visits:,} | {result['fct_cji']['cji'].mean():.1f} | {plain.mean():.1f} |", flush=True)


def coverage(count: int = 100) -> None:
    """Share of intervals that hold the score of the true parameters, with the shrinkage of the window and without."""
    print("| visits | target | index | " + " | ".join(f"phase {phase}" for phase in PHASES) + " |")
    print("|---:|---|" + "---:|" * 7)
    for visits in (2_000, 20_000):
        drawn = shops(np.random.default_rng(visits), count, visits, weeks=40)
        result = run_models(["fct_cji", "fct_cji_phases", "int_cji__phase_scores"], **drawn.frames)
        index = result["fct_cji"].sort_values("segment")
        phases = result["fct_cji_phases"].sort_values(["segment", "phase"])
        low, high = (phases[f"score_{end}"].to_numpy().reshape(-1, 6) for end in ("low", "high"))
        for target, shrunk in (("with shrinkage", True), ("without", False)):
            logs = true_log_scores(drawn, result["int_cji__phase_scores"], shrunk)
            score, whole = 100 * np.exp(logs), 100 * np.exp(logs.mean(axis=1))
            held = ((low <= score) & (score <= high)).mean(axis=0)
            of_index = ((index["cji_low"] <= whole) & (whole <= index["cji_high"])).mean()
            print(
                f"| {visits:,} | {target} | {of_index:.0%} | {' | '.join(f'{one:.0%}' for one in held)} |", flush=True
            )


def true_log_scores(drawn: Shops, scores: pd.DataFrame, shrunk: bool) -> np.ndarray:
    """ln(S / 100) that the parameters the shops were drawn from would get against the published benchmark."""
    scores = scores.sort_values(["segment", "phase"])
    total, weight = np.zeros((scores["segment"].nunique(), 6)), np.zeros(1)
    for name in PARAMETERS:
        column = {part: scores[f"{name}_{part}"].to_numpy(dtype=float).reshape(-1, 6) for part in
                  ("benchmark", "spread", "se", "weight", "z")}  # fmt: skip
        direction = scores.get(f"{name}_direction", pd.Series(1, scores.index)).to_numpy(dtype=float).reshape(-1, 6)
        z = direction * (drawn.window_truth(name) - column["benchmark"]) / column["spread"]
        if shrunk:
            z = z * column["spread"] ** 2 / (column["spread"] ** 2 + column["se"] ** 2)
        weights = np.where(np.isnan(column["z"]), 0.0, column["weight"])
        share = np.clip(norm.cdf(np.clip(z, -3, 3)), 0.01, 0.99)
        total, weight = total + weights * np.where(weights > 0, np.log(share), 0.0), weight + weights
    return total / weight


PROOFS = {"defect": defect, "bias": bias, "coverage": coverage}


def main() -> None:
    chosen = [name for name in sys.argv[1:2] if name in PROOFS] or list(PROOFS)
    count = [int(sys.argv[2])] if len(sys.argv) > 2 else []
    for name in chosen:
        print(f"\n## {name}\n")
        PROOFS[name](*count)


if __name__ == "__main__":
    main()
