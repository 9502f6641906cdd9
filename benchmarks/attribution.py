"""Attribution on one million journeys beside its peers: `python -m benchmarks.attribution [journeys] [rounds]`.

Every call runs in a process of its own, the calls of a round one after the other and then the next round, so that a
busy minute of the machine hits all of them. CPU seconds are those of a second call with the input in memory (the first
one pays for imports and fresh memory), memory is the peak above what the process held before; both are medians over the
rounds.
"""

from __future__ import annotations

import sys
import tempfile
import time
import types
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.processes import apart, megabytes, peak_megabytes, reset_peak
from ml.attribution import markov_credit, rule_credit, shapley_credit

ONLINE = ("affiliate", "direct", "display", "email", "organic_search", "organic_social", "paid_search", "paid_social")
CHANNELS = np.array([*ONLINE, "referral", "call_centre", "catalog", "store", "tv"])
PERSONS_PER_JOURNEY = 0.6
BUCKETS = 100
SEPARATOR = " > "


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
    return pa.Table.from_pandas(sums.drop(columns="key")).append_column("path", _lists(sums["key"]))


def _lists(keys: pd.Series) -> pa.ListArray:
    digits = (keys.to_numpy()[:, None] >> (4 * np.arange(14, dtype=np.uint64))) & np.uint64(15)
    names = pa.array(CHANNELS.astype(object)[digits[digits > 0].astype(np.int64) - 1])
    starts = pa.array(np.concatenate([[0], (digits > 0).sum(axis=1).cumsum()]).astype(np.int32))
    return pa.ListArray.from_arrays(starts, names)


def prepare(folder: str, journeys: int) -> tuple[int, int]:
    """Write what the calls read; returns the number of distinct paths and of distinct path x bucket."""
    rows = generate(journeys, np.random.default_rng(7))
    paths, by_bucket = as_paths(rows, ["key"]), as_paths(rows, ["key", "bucket"])
    strings = pc.binary_join(_lists(rows["key"]), SEPARATOR)
    pq.write_table(paths, f"{folder}/paths.parquet")
    pq.write_table(by_bucket, f"{folder}/by_bucket.parquet")
    pq.write_table(pa.table({"path": strings, "has_order": rows["conversions"] > 0}), f"{folder}/journeys.parquet")
    return len(paths), len(by_bucket)


def from_strings(journeys: pa.Table) -> np.ndarray:
    """Removal effects from one path string per journey."""
    encoded = journeys["path"].combine_chunks().dictionary_encode()
    codes, distinct = encoded.indices.to_numpy(), len(encoded.dictionary)
    won = np.bincount(codes, journeys["has_order"].to_numpy(), distinct)
    paths = {
        "path": pc.split_pattern(encoded.dictionary, SEPARATOR),
        "conversions": won,
        "nulls": np.bincount(codes, minlength=distinct) - won,
    }
    return _shares(markov_credit(pa.table(paths), replicates=0).to_frame())


def from_distinct_strings(paths: pa.Table) -> np.ndarray:
    """The same from one string per distinct path with its counts."""
    lists = pc.split_pattern(paths["path"], SEPARATOR)
    return _shares(markov_credit(paths.set_column(0, "path", lists), replicates=0).to_frame())


def marketing_attribution_models(frame: object) -> np.ndarray:
    """PyPI marketing_attribution_models on the same strings."""
    from mam import MAM

    model = MAM(
        frame,
        "grouped_journey",
        channels_colname="path",
        journey_with_conv_colname="has_order",
        occurrences_colname="journeys",
        path_separator=SEPARATOR,
    )
    effects = model.run_markov().metadata["removal_effect"]["removal_effect"]
    return (effects / effects.sum()).sort_index().to_numpy()


def channelattribution(frame: pd.DataFrame) -> np.ndarray:
    """PyPI ChannelAttribution, which simulates, at its default tolerance."""
    from ChannelAttribution import markov_model

    credits = markov_model(frame, "path", "conversions", var_null="nulls", sep=">", verbose=False, flg_pro=False)
    return (credits.set_index("channel_name")["total_conversions"] / credits["total_conversions"].sum()).sort_index()


def _shares(credits: pd.DataFrame) -> np.ndarray:
    return credits.set_index("channel")["share"].sort_index().to_numpy()


def _journeys(folder: Path) -> pa.Table:
    return pq.read_table(folder / "journeys.parquet")


def _paths(folder: Path) -> pa.Table:
    return pq.read_table(folder / "paths.parquet")


def _by_bucket(folder: Path) -> pa.Table:
    return pq.read_table(folder / "by_bucket.parquet")


def _distinct_strings(folder: Path) -> pa.Table:
    paths = _paths(folder)
    strings = pc.binary_join(paths["path"].combine_chunks(), SEPARATOR)
    return pa.table({"path": strings, "conversions": paths["conversions"], "nulls": paths["nulls"]})


def _mam_journeys(folder: Path) -> object:
    import polars as pl

    return pl.from_arrow(_journeys(folder)).with_columns(journeys=pl.lit(1))


def _mam_distinct(folder: Path) -> object:
    import polars as pl

    distinct = pl.from_arrow(_distinct_strings(folder))
    won = distinct.select("path", pl.lit(True).alias("has_order"), pl.col("conversions").alias("journeys"))
    lost = distinct.select("path", pl.lit(False).alias("has_order"), pl.col("nulls").alias("journeys"))
    return pl.concat([won, lost]).filter(pl.col("journeys") > 0)


def _pandas(folder: Path) -> pd.DataFrame:
    # It imports pyplot without asking for it, and draws nothing here.
    for name in ("matplotlib", "matplotlib.pyplot"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["matplotlib"].pyplot = sys.modules["matplotlib.pyplot"]  # type: ignore[attr-defined]
    import ChannelAttribution  # noqa: F401 (its import is no part of the call)

    return _distinct_strings(folder).to_pandas()


POINT, PER_BUCKET = "markov from lists, point estimate", "markov from lists, jackknife over 100 buckets"
JOURNEYS, MAM_JOURNEYS = "markov from a string per journey", "marketing_attribution_models, the same strings"
DISTINCT, MAM_DISTINCT = "markov from a string per distinct path", "marketing_attribution_models, distinct paths"
CHANNELATTRIBUTION = "channelattribution, distinct paths"
CALLS: dict[str, tuple[Callable[[Path], object], Callable[..., object]]] = {
    JOURNEYS: (_journeys, from_strings),
    MAM_JOURNEYS: (_mam_journeys, marketing_attribution_models),
    DISTINCT: (_distinct_strings, from_distinct_strings),
    MAM_DISTINCT: (_mam_distinct, marketing_attribution_models),
    CHANNELATTRIBUTION: (_pandas, channelattribution),
    POINT: (_paths, lambda paths: markov_credit(paths, replicates=0)),
    PER_BUCKET: (_by_bucket, markov_credit),
    "markov from lists, 200 Poisson replicates": (_paths, markov_credit),
    "markov order 2, jackknife": (_by_bucket, lambda paths: markov_credit(paths, order=2)),
    "shapley by rate, jackknife": (_by_bucket, shapley_credit),
    "linear, jackknife": (_by_bucket, lambda paths: rule_credit(paths, rule="linear")),
}


def measure(name: str, folder: str) -> tuple[float, float, np.ndarray | None]:
    """CPU seconds, peak megabytes and, of the calls from strings, the shares."""
    read, call = CALLS[name]
    given = read(Path(folder))
    before = megabytes("VmRSS")
    reset_peak()
    call(given)
    start = time.process_time()
    result = call(given)
    taken = time.process_time() - start
    return (
        taken,
        peak_megabytes() - before,
        np.asarray(result) if isinstance(result, np.ndarray | pd.Series) else None,
    )


def main() -> None:
    journeys = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    seconds: dict[str, list[float]] = {name: [] for name in CALLS}
    peaks: dict[str, list[float]] = {name: [] for name in CALLS}
    shares: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        distinct, by_bucket = apart(prepare, folder, journeys)
        for _ in range(rounds):
            for name in CALLS:
                taken, peak, result = apart(measure, name, folder)
                seconds[name].append(taken)
                peaks[name].append(peak)
                if result is not None:
                    shares[name] = result
    print(
        f"{journeys:,} journeys, {distinct:,} distinct paths, {by_bucket:,} distinct path x bucket, {rounds} rounds\n"
    )
    print("| call | CPU seconds | peak MB |\n|---|---:|---:|")
    for name in CALLS:
        print(f"| {name} | {median(seconds[name]):.3f} | {median(peaks[name]):.0f} |")
    print()
    for ours, theirs in ((JOURNEYS, MAM_JOURNEYS), (DISTINCT, MAM_DISTINCT), (DISTINCT, CHANNELATTRIBUTION)):
        faster = median(seconds[theirs]) / median(seconds[ours])
        apart_by = np.abs(shares[theirs] - shares[ours]).max()
        print(f"{theirs}: {faster:.1f} times our CPU seconds; shares differ by at most {apart_by:.1e}")
    print(f"jackknife over 100 buckets: {median(seconds[PER_BUCKET]) / median(seconds[POINT]):.1f} point estimates")


if __name__ == "__main__":
    main()
