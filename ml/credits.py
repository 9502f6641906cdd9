"""What every attribution model shares: credit from sums over paths, and its interval from resampled persons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy import sparse, stats

from ml.metrics import jackknife_error, share_interval
from ml.paths import Paths

MINIMUM_CONVERSIONS = 30
MINIMUM_BUCKETS = 10
CELLS_AT_ONCE = 4_000_000  # keeps a batch of replicates below about 100 MB


@dataclass(frozen=True, slots=True)
class ChannelCredits:
    """Credit per channel; arrays share the order of `channels`.

    Attributes
    ----------
    model : str
    channels : tuple of str
    removal_effects, removal_effects_low, removal_effects_high : ndarray of shape (n_channels,)
        Share of conversions lost if every journey ended at this channel. Does not sum to 1. NaN for models without it.
    shares, shares_low, shares_high : ndarray of shape (n_channels,)
        Share of the conversions; sums to 1. Low and high are the 95 % interval.
    conversions, conversions_low, conversions_high : ndarray of shape (n_channels,)
        Conversions credited; sums to the conversions observed, which the interval takes as given.
    value, margin and their low, high : ndarray of shape (n_channels,) or None
        Money credited, in the currency of the input; sums to the money observed.
    verdicts : tuple of str
        `supported`, or `not enough data`: fewer than 30 conversions whose journey holds the channel, no interval, or
        an interval wider than plus and minus the estimate.
    details : dict
        What else the model can say: the order of a chain, the number of coalitions never seen.
    """

    model: str
    channels: tuple[str, ...]
    removal_effects: np.ndarray
    removal_effects_low: np.ndarray
    removal_effects_high: np.ndarray
    shares: np.ndarray
    shares_low: np.ndarray
    shares_high: np.ndarray
    conversions: np.ndarray
    conversions_low: np.ndarray
    conversions_high: np.ndarray
    verdicts: tuple[str, ...]
    value: np.ndarray | None = None
    value_low: np.ndarray | None = None
    value_high: np.ndarray | None = None
    margin: np.ndarray | None = None
    margin_low: np.ndarray | None = None
    margin_high: np.ndarray | None = None
    details: dict[str, float] = field(default_factory=dict)

    def to_frame(self) -> pd.DataFrame:
        """One row per channel: `channel, removal_effect, conversions, value, margin, share` (each with `_low`, `_high`;
        value and margin only if given) and `verdict`."""
        columns: dict[str, object] = {"channel": self.channels}
        names = {
            "removal_effects": "removal_effect",
            "conversions": "conversions",
            "value": "value",
            "margin": "margin",
        }
        for attribute, column in {**names, "shares": "share"}.items():
            if getattr(self, attribute) is not None:
                for end in ("", "_low", "_high"):
                    columns[column + end] = getattr(self, attribute + end)
        return pd.DataFrame({**columns, "verdict": self.verdicts})


@dataclass(frozen=True, slots=True)
class Design:
    """A model as sums over paths and a function of these sums, so that resampling never walks a path again.

    Attributes
    ----------
    on_journeys : sparse array of shape (n_journey_sums, n_paths)
        Applied to journeys (conversions and nulls).
    on_outcomes : sparse array of shape (n_outcome_sums, n_paths)
        Applied to conversions, and to each value.
    effects : callable
        Takes sums of shape (n_replicates, n_journey_sums) and (n_replicates, n_outcome_sums, 1 + n_values), gives
        effects of shape (n_replicates, n_channels, 1 + n_values) whose proportions are the credit.
    cells : int
        Numbers a replicate needs at once.
    """

    on_journeys: sparse.csc_array
    on_outcomes: sparse.csc_array
    effects: Callable[[np.ndarray, np.ndarray], np.ndarray]
    cells: int

    def batches(self, total: int) -> Iterator[slice]:
        step = max(1, CELLS_AT_ONCE // max(self.cells, 1))
        return (slice(i, min(i + step, total)) for i in range(0, total, step))


def credit(
    model: str,
    paths: Paths,
    design: Design,
    *,
    replicates: int,
    rng: np.random.Generator | None,
    has_removal_effect: bool = False,
    can_be_negative: bool = False,
    details: dict[str, float] | None = None,
) -> ChannelCredits:
    """Apply a design to paths, with intervals by jackknife over buckets or else by Poisson bootstrap."""
    outcomes = paths.outcomes()
    point = design.effects((design.on_journeys @ paths.journeys)[None], (design.on_outcomes @ outcomes)[None])
    shares = _shares(point)[0]
    error, removal_error, quantile = _errors(paths, design, replicates, rng)
    low, high = share_interval(shares, error, quantile, is_proportion=not can_be_negative)
    removal = point[0, :, 0] if has_removal_effect else np.full(len(shares), np.nan)
    removal_low, removal_high = share_interval(removal, removal_error, quantile)

    totals = outcomes.sum(axis=0)
    credits, ends = shares * totals, np.sort([low * totals, high * totals], axis=0)  # a negative total turns the ends
    enough = high[:, 0] - low[:, 0] <= 2 * shares[:, 0]  # False for NaN
    if enough.any():
        enough &= paths.presence() @ paths.conversions >= MINIMUM_CONVERSIONS
    money = {
        name + end: array[:, i + 1]
        for i, name in enumerate(paths.values)
        for end, array in (("", credits), ("_low", ends[0]), ("_high", ends[1]))
    }
    return ChannelCredits(
        model=model,
        channels=paths.channels,
        removal_effects=removal,
        removal_effects_low=removal_low,
        removal_effects_high=removal_high,
        shares=shares[:, 0],
        shares_low=low[:, 0],
        shares_high=high[:, 0],
        conversions=credits[:, 0],
        conversions_low=ends[0, :, 0],
        conversions_high=ends[1, :, 0],
        verdicts=tuple(np.where(enough, "supported", "not enough data").tolist()),
        details=details or {},
        **money,
    )


def _shares(effects: np.ndarray) -> np.ndarray:
    """Effects scaled to sum to 1; money that cannot be shared out by its own effects (losses) follows conversions."""
    totals = effects.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = np.where(totals > 0, effects / totals, np.nan)
    shares[..., 1:] = np.where(totals[..., 1:] > 0, shares[..., 1:], shares[..., :1])
    return shares


def _errors(
    paths: Paths, design: Design, replicates: int, rng: np.random.Generator | None
) -> tuple[np.ndarray, np.ndarray, float]:
    """Standard errors of shares and of removal effects, and the quantile that makes a 95 % interval of them."""
    groups = 0 if paths.buckets is None else int(paths.buckets.max()) + 1
    if replicates <= 0 or 0 < groups < MINIMUM_BUCKETS:
        shape = (len(paths.channels), 1 + len(paths.values))
        return np.full(shape, np.nan), np.full(shape[0], np.nan), np.nan
    if groups:
        effects = np.concatenate(list(_without_each_bucket(paths, design, groups)))
        return (
            jackknife_error(_shares(effects)),
            jackknife_error(effects[..., 0]),
            float(stats.t.ppf(0.975, groups - 1)),
        )
    effects = np.concatenate(list(_bootstrap(paths, design, replicates, rng or np.random.default_rng(0))))
    return _shares(effects).std(axis=0, ddof=1), effects[..., 0].std(axis=0, ddof=1), float(stats.norm.ppf(0.975))


def _without_each_bucket(paths: Paths, design: Design, groups: int) -> Iterator[np.ndarray]:
    def by_bucket(weights: np.ndarray, matrix: sparse.csc_array) -> np.ndarray:
        member = sparse.csr_array((weights, paths.buckets, np.arange(len(paths) + 1)), shape=(len(paths), groups))
        return (matrix @ member).toarray().T

    journeys = by_bucket(paths.journeys, design.on_journeys)
    outcomes = np.stack([by_bucket(column, design.on_outcomes) for column in paths.outcomes().T], axis=-1)
    journeys, outcomes = _without_each(journeys), _without_each(outcomes)
    for batch in design.batches(groups):
        yield design.effects(journeys[batch], outcomes[batch])


def _without_each(sums: np.ndarray) -> np.ndarray:
    """Total minus each group, exactly 0 where a group held everything: a rest of 1e-17 would be a state of its own."""
    total = sums.sum(axis=0)
    rest = total - sums
    return np.where(np.abs(rest) < 1e-12 * np.abs(total), 0.0, rest)


def _bootstrap(paths: Paths, design: Design, replicates: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Poisson weights on journeys: counts per path are redrawn, money follows the conversions of its path."""
    won = paths.conversions[:, None]
    per_conversion = paths.outcomes() / np.maximum(won, 1e-300)
    for batch in Design(design.on_journeys, design.on_outcomes, design.effects, design.cells + 3 * len(paths)).batches(
        replicates
    ):
        size = (len(paths), batch.stop - batch.start)
        conversions = rng.poisson(won, size)
        journeys = conversions + rng.poisson(paths.nulls[:, None], size)
        outcomes = [design.on_outcomes @ (conversions * column[:, None]) for column in per_conversion.T]
        yield design.effects((design.on_journeys @ journeys).T, np.stack([column.T for column in outcomes], axis=-1))
