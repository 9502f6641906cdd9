"""Time and memory of attribution on one million journeys: `python -m benchmarks.attribution [journeys]`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa

from ml.attribution import markov_credit, rule_credit, shapley_credit

ONLINE = ("affiliate", "direct", "display", "email", "organic_search", "organic_social", "paid_search", "paid_social")
CHANNELS = np.array([*ONLINE, "referral", "call_centre", "catalog", "store", "tv"])
PERSONS_PER_JOURNEY = 0.6
BUCKETS = 100


def generate(journeys: int, rng: np.random.Generator) -> pd.DataFrame:
    """Journeys of a first-order chain with channel-dependent length and conversion: one row each, with its bucket."""
    count = len(CHANNELS)
    moves = rng.dirichlet(np.full(count, 0.6), size=count).cumsum(axis=1)
    stops = rng.uniform(0.2, 0.4, count)
    converts = rng.uniform(0.02, 0.25, count)
    now = rng.choice(count, journeys, p=rng.dirichlet(np.ones(count)))
    keys = now.astype(np.uint64) + 1  # a path as digits to the base 16
    open_ = np.arange(journeys)
    for place in range(1, 14):
        open_ = open_[rng.random(len(open_)) > stops[now[open_]]]
        now[open_] = (rng.random(len(open_))[:, None] > moves[now[open_]]).sum(axis=1).clip(max=count - 1)
        keys[open_] += (now[open_].astype(np.uint64) + np.uint64(1)) << np.uint64(4 * place)
    person_buckets = rng.integers(0, BUCKETS, int(journeys * PERSONS_PER_JOURNEY))
    won = rng.random(journeys) < converts[now]
    return pd.DataFrame(
        {
            "key": keys,
            "bucket": person_buckets[rng.integers(0, len(person_buckets), journeys)],
            "conversions": won.astype(np.int64),
            "nulls": (~won).astype(np.int64),
            "value": np.where(won, rng.lognormal(4, 0.7, journeys), 0.0),
        }
    )


def as_paths(journeys: pd.DataFrame, by: list[str]) -> pa.Table:
    """Distinct paths (and buckets) with their sums: what the warehouse hands over."""
    sums = journeys.groupby(by, as_index=False)[["conversions", "nulls", "value"]].sum()
    digits = (sums["key"].to_numpy()[:, None] >> (4 * np.arange(14, dtype=np.uint64))) & np.uint64(15)
    lengths = (digits > 0).sum(axis=1)
    names = pa.array(CHANNELS.astype(object)[digits[digits > 0].astype(np.int64) - 1])
    starts = pa.array(np.concatenate([[0], lengths.cumsum()]).astype(np.int32))
    return pa.Table.from_pandas(sums.drop(columns="key")).append_column("path", pa.ListArray.from_arrays(starts, names))


def seconds(call: Callable[[], object], repeats: int = 3) -> float:
    """Best CPU time of a few calls."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    journeys = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rows = generate(journeys, np.random.default_rng(7))
    paths, by_bucket = as_paths(rows, ["key"]), as_paths(rows, ["key", "bucket"])
    print(f"{journeys:,} journeys, {len(paths):,} distinct paths, {len(by_bucket):,} distinct path x bucket\n")

    point = seconds(lambda: markov_credit(paths, replicates=0))
    measured = {
        "markov, point estimate": point,
        "markov, point estimate from path x bucket": seconds(lambda: markov_credit(by_bucket, replicates=0)),
        "markov, jackknife over 100 buckets": seconds(lambda: markov_credit(by_bucket)),
        "markov, 200 Poisson replicates": seconds(lambda: markov_credit(paths), repeats=1),
        "markov order 2, jackknife": seconds(lambda: markov_credit(by_bucket, order=2), repeats=1),
        "shapley rate, jackknife": seconds(lambda: shapley_credit(by_bucket), repeats=1),
        "linear, jackknife": seconds(lambda: rule_credit(by_bucket, rule="linear")),
    }
    print("| step | CPU seconds | times the point estimate |\n|---|---:|---:|")
    for step, taken in measured.items():
        print(f"| {step} | {taken:.2f} | {taken / point:.1f} |")


if __name__ == "__main__":
    main()
