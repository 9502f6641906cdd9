"""How often a 95 % interval of a channel's share holds the truth: `python -m benchmarks.coverage_attribution [worlds]`.

Each world is a sample of persons with tastes of their own, so that the journeys of one person resemble each other. The
truth of a model is its share in a population 200 times as large.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from ml.attribution import RULES, ChannelCredits, markov_credit, rule_credit, shapley_credit

CHANNELS = np.array(["direct", "email", "organic_search", "paid_search", "tv"], dtype=object)
CONVERTS = np.array([0.25, 0.45, 0.2, 0.3, 0.1])  # by the channel of the last contact
PERSONS, POPULATION = 2_000, 400_000
LONGEST = 4

MODELS: dict[str, Callable[[pa.Table], ChannelCredits]] = {
    "markov": markov_credit,
    "shapley (rate)": shapley_credit,
    "shapley (conversions)": lambda paths: shapley_credit(paths, value_function="conversions"),
    **{rule: (lambda paths, rule=rule: rule_credit(paths, rule=rule)) for rule in RULES},
}


def persons(rng: np.random.Generator, count: int) -> pa.Table:
    """Paths by bucket of `count` persons, as the warehouse groups them."""
    taste = rng.dirichlet([1.0, 1.5, 2.0, 1.0, 0.5], count).cumsum(axis=1)
    person = np.repeat(np.arange(count), rng.integers(1, 4, count))
    lengths = rng.integers(1, LONGEST + 1, len(person))
    draws = rng.random((len(person), LONGEST))
    touches = (draws[:, :, None] > taste[person][:, None, :-1]).sum(axis=2)
    inside = np.arange(LONGEST) < lengths[:, None]
    key = np.where(inside, touches + 1, 0) @ (len(CHANNELS) + 1) ** np.arange(LONGEST)
    last = touches[np.arange(len(person)), lengths - 1]
    fond = taste[person][:, 1] - taste[person][:, 0]  # who likes e-mail buys more often
    won = rng.random(len(person)) < CONVERTS[last] * (0.5 + fond)
    sums = (
        pd.DataFrame({"key": key, "bucket": person % 100, "conversions": won * 1, "nulls": ~won * 1})
        .groupby(["key", "bucket"], as_index=False)
        .sum()
    )
    digits = (sums["key"].to_numpy()[:, None] // (len(CHANNELS) + 1) ** np.arange(LONGEST)) % (len(CHANNELS) + 1)
    paths = [list(CHANNELS[row[row > 0] - 1]) for row in digits]
    return pa.table(
        {"path": paths, "bucket": sums["bucket"], "conversions": sums["conversions"], "nulls": sums["nulls"]}
    )


def without_buckets(paths: pa.Table) -> pa.Table:
    """The same journeys as if nobody knew whose they are: intervals then come from the Poisson bootstrap."""
    return paths.drop_columns("bucket")


def main() -> None:
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    population = persons(np.random.default_rng(0), POPULATION)
    truth = {name: model(population).shares for name, model in MODELS.items()}
    covered = {name: np.zeros((worlds, len(CHANNELS))) for name in MODELS}
    unaware = np.zeros((worlds, len(CHANNELS)))
    for seed in range(worlds):
        sample = persons(np.random.default_rng(seed + 1), PERSONS)
        for name, model in MODELS.items():
            credits = model(sample)
            covered[name][seed] = (credits.shares_low <= truth[name]) & (truth[name] <= credits.shares_high)
        credits = markov_credit(without_buckets(sample), rng=np.random.default_rng(seed))
        unaware[seed] = (credits.shares_low <= truth["markov"]) & (truth["markov"] <= credits.shares_high)
    print(f"{worlds} worlds of {PERSONS:,} persons; share of 95 % intervals that hold the truth\n")
    print(f"| model | all | {' | '.join(CHANNELS)} |\n|---|{'---:|' * (1 + len(CHANNELS))}")
    for name, hits in {**covered, "markov, persons unknown (bootstrap)": unaware}.items():
        figures = " | ".join(f"{share:.1%}" for share in (hits.mean(), *hits.mean(axis=0)))
        print(f"| {name} | {figures} |")


if __name__ == "__main__":
    main()
