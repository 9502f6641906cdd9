"""What the journey index must hold, on simulated shops through its SQL: `python -m benchmarks.cji_proofs [proof]`.

Proofs: `defect` (is a planted fall the weakest phase?), `bias` (where a shop at its benchmark scores), `coverage` (what
the 95 % intervals hold), `weights` (what hangs on the weights), `bots` (what machines cost). Each takes a number of
shops as second argument. Sums per person bucket are drawn, for `bots` every click; all models after them run as they
are. Arithmetic here is that of docs/cji.md and only says what is true of the drawn shops.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm, spearmanr

from tests.dbt_project.cji.shops import Shops, shops, unshrunk_index
from tests.dbt_project.cji.traffic import ALL_VISITORS, machines, people
from tests.dbt_project.runner import run_models

PARAMETERS = ("time", "pageviews", "visits", "comeback")
SIZES = (500, 2_000, 10_000, 50_000)
PHASES = range(1, 7)
DRAWS = 300
#: Shops that fit into memory at a time.
BATCH = 60


def defect(count: int = 50) -> None:
    """A fall of 0.3 logits in one phase's progress, 20,000 visits: how often is it the lowest score?"""
    print(f"| phase with the fall | lowest of {count} shops |\n|---:|---:|")
    for phase in PHASES:
        change = [-0.3 if other == phase else 0.0 for other in PHASES]
        drawn = shops(np.random.default_rng(phase), count, 20_000, planted={"visits": change})
        weakest = run_models(["fct_cji"], **drawn.frames)["fct_cji"]["weakest_phase"]
        print(f"| {phase} | {weakest.eq(phase).mean():.0%} |", flush=True)


def bias(count: int = 50) -> None:
    """Mean index of shops whose last window is drawn from the parameters of their benchmark, and without shrinkage.

    The benchmark is one window of each of 4 x `count` shops that differ by 0.3 (logits, logs), or a year of the shop's
    own: one in which nothing but chance moved, or one whose weeks differ by 0.05.
    """
    benchmarks: dict[str, dict[str, Any]] = {
        "peers": {"weeks": 9, "drift": 0.0, "spread_of_shops": 0.3},
        "own history, still": {"drift": 0.0},
        "own history, moving": {"is_steady_now": True},
    }
    print("| benchmark | visits | index, mean | without shrinkage |\n|---|---:|---:|---:|")
    for benchmark, options in benchmarks.items():
        for visits in SIZES:
            number = 4 * count if benchmark == "peers" else count
            drawn = shops(np.random.default_rng(visits), number, visits, **options)
            result = run_models(["fct_cji", "int_cji__parameters", "int_cji__benchmarks"], **drawn.frames)
            index = result.pop("fct_cji")["cji"].mean()
            print(f"| {benchmark} | {visits:,} | {index:.1f} | {unshrunk_index(**result).mean():.1f} |", flush=True)


def coverage(count: int = 300) -> None:
    """Share of intervals that hold the score of the true parameters, with the shrinkage of the window and without."""
    print("| visits | target | index | " + " | ".join(f"phase {phase}" for phase in PHASES) + " |")
    print("|---:|---|" + "---:|" * 7)
    for visits in (2_000, 20_000):
        held: dict[bool, list[np.ndarray]] = {True: [], False: []}
        for first in range(0, count, BATCH):
            drawn = shops(np.random.default_rng([visits, first]), min(BATCH, count - first), visits, weeks=40)
            result = run_models(["fct_cji", "fct_cji_phases", "int_cji__phase_scores"], **drawn.frames)
            index = result["fct_cji"].sort_values("segment")
            phases = result["fct_cji_phases"].sort_values(["segment", "phase"])
            low, high = (
                np.column_stack([index[f"cji_{end}"], phases[f"score_{end}"].to_numpy().reshape(-1, 6)])
                for end in ("low", "high")
            )
            for shrunk, found in held.items():
                logs = true_log_scores(drawn, result["int_cji__phase_scores"], shrunk)
                score = 100 * np.exp(np.column_stack([logs.mean(axis=1), logs]))
                found.append((low <= score) & (score <= high))
        for shrunk, found in held.items():
            shares = " | ".join(f"{share:.1%}" for share in np.concatenate(found).mean(axis=0))
            print(f"| {visits:,} | {'with shrinkage' if shrunk else 'without'} | {shares} |", flush=True)


def true_log_scores(drawn: Shops, scores: pd.DataFrame, shrunk: bool) -> np.ndarray:
    """ln(S / 100) that the parameters the shops were drawn from would get against the published benchmark."""
    scores = scores.sort_values(["segment", "phase"])
    total, weight = np.zeros((scores["segment"].nunique(), 6)), np.zeros(1)
    for name in PARAMETERS:
        column = {part: scores[f"{name}_{part}"].to_numpy(dtype=float).reshape(-1, 6) for part in
                  ("benchmark", "spread", "slope", "weight", "z")}  # fmt: skip
        slope = column["slope"] if shrunk else np.sign(column["slope"]) / column["spread"]
        z = slope * (drawn.window_truth(name) - column["benchmark"])
        weights = np.where(np.isnan(column["z"]), 0.0, column["weight"])
        share = np.clip(norm.cdf(np.clip(z, -3, 3)), 0.01, 0.99)
        total, weight = total + weights * np.where(weights > 0, np.log(share), 0.0), weight + weights
    return total / weight


def weights(count: int = 50) -> None:
    """Index and weakest phase of shops under 300 other weights (Dirichlet, their mean the seed's) than the seed's.

    Phase weights are drawn uniformly. Parameter weights have the concentration 5: (1, 1, 2, 1) for (.2, .2, .4, .2).
    """
    rng = np.random.default_rng(1)
    drawn = shops(rng, count, 20_000, spread_of_now=0.1)
    result = run_models(["fct_cji", "fct_cji_phases", "int_cji__phase_scores"], **drawn.frames)
    index = result["fct_cji"].sort_values("segment")
    phases = result["fct_cji_phases"].sort_values(["segment", "phase"])
    logs = np.log(phases[[f"{name}_index" for name in PARAMETERS]].to_numpy().reshape(-1, 6, 4) / 100)
    seed = result["int_cji__phase_scores"].sort_values(["segment", "phase"])[[f"{name}_weight" for name in PARAMETERS]]
    of_seed = seed.to_numpy(dtype=float).reshape(-1, 6, 4)[0]
    alike = np.full((DRAWS, 6), 1 / 6)
    of_phases = rng.dirichlet(np.ones(6), DRAWS)
    of_parameters = rng.standard_gamma(5 * of_seed, (DRAWS, 6, 4))
    of_parameters /= of_parameters.sum(axis=2, keepdims=True)
    print("| weights drawn | Spearman of the index, median | 5 % | weakest phase the same |\n|---|---:|---:|---:|")
    for name, outer, inner in (
        ("phases", of_phases, np.broadcast_to(of_seed, of_parameters.shape)),
        ("parameters", alike, of_parameters),
        ("both", of_phases, of_parameters),
    ):
        scores = np.einsum("dpk,spk->dsp", inner, np.nan_to_num(logs))
        indices = np.einsum("dp,dsp->ds", outer, scores)
        ranks = [spearmanr(one, index["cji"]).statistic for one in indices]
        same = (scores.argmin(axis=2) + 1 == index["weakest_phase"].to_numpy()).mean()
        print(f"| {name} | {np.median(ranks):.2f} | {np.quantile(ranks, 0.05):.2f} | {same:.0%} |", flush=True)


def bots(count: int = 10) -> None:
    """Change of the index by machines that view 20 product pages at 1 s each during the four weeks being judged.

    5,000 visits of people in each of 14 weeks; the people are the same with and without machines.
    `constant` machines stay exactly a second, `varied` ones 1 +- 0.3 s.
    """
    cases = [
        (share, pace, filtered)
        for share in (0.05, 0.01)
        for pace, filtered in (("constant", False), ("constant", True), ("varied", True))
    ]
    changes: dict[tuple[float, str, bool], list[tuple[float, float]]] = {case: [] for case in cases}
    for seed in range(count):
        rng = np.random.default_rng(seed)
        human = people(rng, 5_000, 14)
        clean, _ = index_of(human, filtered=True)
        for share, pace, filtered in cases:
            visits = round(20_000 * share / (1 - share))
            events = machines(np.random.default_rng(seed), visits, range(10, 14), 0.3 if pace == "varied" else 0.0)
            index, excluded = index_of(pd.concat([human, events]), filtered=filtered)
            changes[share, pace, filtered].append((index - clean, excluded))
    print("| visits by machines | pace | filter | index, mean change | most | events excluded |")
    print("|---:|---|---|---:|---:|---:|")
    for (share, pace, filtered), found in changes.items():
        change, excluded = np.array(found).T
        moved = f"{change.mean():+.1f} | {change[np.abs(change).argmax()]:+.1f} | {excluded.mean():.1%}"
        print(f"| {share:.0%} | {pace} | {'on' if filtered else 'off'} | {moved} |", flush=True)


def index_of(events: pd.DataFrame, *, filtered: bool) -> tuple[float, float]:
    """Index of the last day, and the share of events left out of it as machines."""
    frames: dict[str, Any] = {"stg_web__events": events, "cji_segment_kinds": ALL_VISITORS}
    if not filtered:
        frames["int_web__bot_days"] = []
    index = run_models(["fct_cji"], **frames)["fct_cji"]
    row = index[index["phase_model"].eq("journey6")].iloc[0]
    return float(row["cji"]), float(row["bot_share"])


PROOFS = {"defect": defect, "bias": bias, "coverage": coverage, "weights": weights, "bots": bots}


def main() -> None:
    chosen = [name for name in sys.argv[1:2] if name in PROOFS] or list(PROOFS)
    count = [int(sys.argv[2])] if len(sys.argv) > 2 else []
    for name in chosen:
        print(f"\n## {name}\n")
        PROOFS[name](*count)


if __name__ == "__main__":
    main()
