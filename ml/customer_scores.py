"""Scores of visits, order lines and customers: learnt from the past, judged on what came later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import optimize, special
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, QuantileTransformer, StandardScaler

from ml.bgnbd import BgNbd, fit_bgnbd
from ml.calibration import calibration_table
from ml.customer_leakage import SHUFFLED, LeakageError, require_past, require_plain_features, require_shuffled
from ml.validation import require_columns

__all__ = ["BgNbd", "LeakageError", "Scores", "fit_bgnbd", "train"]

MINIMUM_CASES = 50
#: Shares of the rows, in order of time, at which validation blocks begin; the first block only teaches.
BLOCKS = (0.4, 0.6, 0.8, 1.0)
#: Orders observed per order predicted that still count as calibrated.
CALIBRATED = (0.8, 1.25)
#: Share of the rows, the latest, that set the level.
RECENT = 0.25
_RARE = 30


@dataclass(frozen=True, slots=True)
class Scores:
    """A trained classifier and how it did on rows later than those it had learnt from.

    Attributes
    ----------
    model : sklearn.pipeline.Pipeline
        Fitted to all rows; takes a frame with the columns `features`.
    features : tuple of str
    auc, auc_low, auc_high : float
        Area under the ROC curve out of time, with 95 % interval from resampled units; NaN without enough cases.
    average_precision : float
        Out of time; a model that knows nothing has `base_rate`.
    base_rate : float
        Share of positives among the validated rows.
    ratio, ratio_low, ratio_high : float
        Positives observed per positive predicted out of time, with 95 % interval.
    calibration : DataFrame
        `bin, rows, predicted, observed, observed_low, observed_high`: tenths of the validated rows by their score.
    shuffled_auc : float
        Of the same procedure on shuffled labels; .5 unless the procedure leaks.
    drivers : DataFrame
        `feature, weight`: change of the log-odds from one standard deviation, largest first.
    rows, positives : int
        Learnt from.
    validated : int
    verdict : str
        `supported`; `not enough data` (fewer than 50 positives or negatives to learn from or to be judged on);
        `not identified` (no better than shuffled labels may seem, an AUC of .52, or not calibrated out of time).
    """

    model: Pipeline
    features: tuple[str, ...]
    auc: float
    auc_low: float
    auc_high: float
    average_precision: float
    base_rate: float
    ratio: float
    ratio_low: float
    ratio_high: float
    calibration: pd.DataFrame
    shuffled_auc: float
    drivers: pd.DataFrame
    rows: int
    positives: int
    validated: int
    verdict: str

    def score(self, frame: pd.DataFrame) -> np.ndarray:
        """Probability of the target for each row of `frame`, shape (n_rows,).

        Raises
        ------
        ValueError
            If a feature is missing.
        """
        if not len(frame):
            return np.empty(0)
        require_columns(frame, self.features, "frame")
        return probabilities(self.model, frame, self.features)

    def to_frame(self) -> pd.DataFrame:
        """One row: all figures."""
        left_out = ("model", "features", "calibration", "drivers")
        return pd.DataFrame([{name: getattr(self, name) for name in self.__slots__ if name not in left_out}])


def train(
    frame: pd.DataFrame,
    *,
    target: str,
    time: str,
    unit: str,
    features: Sequence[str] | None = None,
    horizon: pd.Timedelta | None = None,
    replicates: int = 200,
    shuffles: int = 3,
    rng: np.random.Generator | None = None,
) -> Scores:
    """Learn a probability and say how good it is.

    Parameters
    ----------
    frame : DataFrame of shape (n_rows, >= 4)
        One row per unit and cut-off. Numbers, booleans and texts are features; datetime columns say when something
        that went into the features happened, and may not be later than `time`.
    target : str
        0 or 1: what happened after the cut-off.
    time : str
        The cut-off.
    unit : str
        Who the row is about; rows of a unit depend on each other and are resampled together.
    features : sequence of str, optional
        Default: all columns that are not datetimes, `target`, `time` or `unit`.
    horizon : Timedelta, optional
        How long after the cut-off the target was only known: rows whose answer was not in by the time a validation
        block begins do not teach the model it judges.
    replicates : int
        Resamples of the units for the intervals.
    shuffles : int
        Repetitions on shuffled labels.
    rng : numpy.random.Generator, optional
        Default seed 0.

    Raises
    ------
    ValueError
        If a column is missing or of the wrong kind.
    LeakageError
        If a datetime column lies beyond the cut-off, a feature alone tells the answer, or shuffled labels can be
        predicted.

    Notes
    -----
    Logistic regression on quantile-transformed numbers and one-hot texts, its level that of the latest quarter of the
    rows it learnt from: shops change faster than the differences between visits. Validation is by expanding windows:
    each of the last three fifths of the rows, in order of time, is predicted from what was known before it began.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    frame = _checked(frame, target, time, unit)
    y = frame[target].to_numpy(dtype=float)
    if features is None:
        datetimes = frame.select_dtypes(include=["datetime", "datetimetz"]).columns
        features = [name for name in frame.columns if name not in {target, time, unit, *datetimes}]
    require_columns(frame, features, "frame")
    if not features:
        raise ValueError("frame has no feature column")
    require_past(frame, time)
    x = prepared(frame, features)
    blocks = _blocks(frame[time], horizon)
    judged = np.concatenate([np.arange(start, end) for start, end, _ in blocks])
    least = min(y.sum(), len(y) - y.sum(), y[judged].sum(), len(judged) - y[judged].sum())
    taught = [y[:known].sum() for _, _, known in blocks]
    has_enough = least >= MINIMUM_CASES and min(taught) >= MINIMUM_CASES / 2
    if y.min() == y.max():
        raise ValueError(f"frame.{target} is {y[0]:g} in all {len(y)} rows: there is nothing to tell apart")
    model = pipeline(x)
    _fit_recent(model[-1], model[:-1].fit_transform(x), y)
    unknown = float("nan")
    if not has_enough:
        empty = calibration_table(np.empty(0), np.empty(0))
        nothing = (unknown,) * 8
        return Scores(
            model, tuple(features), *nothing, empty, unknown, _drivers(model), len(y), int(y.sum()), len(judged),
            "not enough data",
        )  # fmt: skip

    require_plain_features(x, y)
    views = [_View(x, *block) for block in blocks]
    shuffled_auc = require_shuffled(lambda labels: _out_of_time(views, labels), y, judged, shuffles, rng)
    predicted, answer = _out_of_time(views, y), y[judged]
    units = pd.factorize(frame[unit].iloc[judged])[0]
    auc_low, auc_high, ratio_low, ratio_high = _intervals(predicted, answer, units, replicates, rng)
    is_calibrated = ratio_high >= CALIBRATED[0] and ratio_low <= CALIBRATED[1]
    return Scores(
        model=model,
        features=tuple(features),
        auc=float(roc_auc_score(answer, predicted)),
        auc_low=auc_low,
        auc_high=auc_high,
        average_precision=float(average_precision_score(answer, predicted)),
        base_rate=float(answer.mean()),
        ratio=float(answer.sum() / predicted.sum()),
        ratio_low=ratio_low,
        ratio_high=ratio_high,
        calibration=calibration_table(predicted, answer),
        shuffled_auc=shuffled_auc,
        drivers=_drivers(model),
        rows=len(y),
        positives=int(y.sum()),
        validated=len(judged),
        verdict="supported" if auc_low > 0.5 + SHUFFLED and is_calibrated else "not identified",
    )


def prepared(frame: pd.DataFrame, features: Sequence[str]) -> pd.DataFrame:
    """The features as the pipeline takes them: float64 numbers and texts, a missing text as ''."""
    columns = {}
    for name in features:
        column = frame[name]
        is_number = pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)
        if is_number:
            values = column.to_numpy(dtype=float, na_value=np.nan)
            if np.isinf(values).any():
                raise ValueError(f"frame.{name}: {np.isinf(values).sum()} of {len(values)} rows are infinite")
            columns[name] = values
        else:
            columns[name] = column.astype(object).where(column.notna(), "").astype(str).to_numpy(dtype=object)
    return pd.DataFrame(columns)


def probabilities(model: Pipeline, frame: pd.DataFrame, features: Sequence[str]) -> np.ndarray:
    """Scores of a model that was read back from its file, shape (n_rows,)."""
    chances: np.ndarray = model.predict_proba(prepared(frame, features))[:, 1]
    return chances


def pipeline(x: pd.DataFrame) -> Pipeline:
    """The unfitted classifier for these features."""
    numeric = [name for name in x if x[name].dtype.kind == "f"]
    texts = [name for name in x if name not in numeric]
    by_rank = make_pipeline(
        SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True),
        # counts and amounts have long tails: their rank carries what a line can use
        QuantileTransformer(n_quantiles=min(200, len(x)), subsample=None),
        StandardScaler(),
    )
    one_hot = OneHotEncoder(min_frequency=_RARE, handle_unknown="infrequent_if_exist")
    return make_pipeline(
        ColumnTransformer([("numbers", by_rank, numeric), ("texts", one_hot, texts)], sparse_threshold=0),
        _line(),
    )


def _line() -> LogisticRegression:
    return LogisticRegression(C=0.3, solver="newton-cholesky", max_iter=100)


def _checked(frame: pd.DataFrame, target: str, time: str, unit: str) -> pd.DataFrame:
    require_columns(frame, (target, time, unit), "frame")
    count = len(frame)
    values = pd.to_numeric(frame[target], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    if odd := int((~np.isin(values, (0.0, 1.0))).sum()):
        raise ValueError(f"frame.{target}: {odd} of {count} rows are neither 0 nor 1")
    if not pd.api.types.is_datetime64_any_dtype(frame[time]):
        raise ValueError(f"frame.{time} is {frame[time].dtype} in {count} rows; expected datetimes")
    if missing := int(frame[[time, unit]].isna().any(axis=1).sum()):
        raise ValueError(f"frame.{time}, frame.{unit}: {missing} of {count} rows are missing")
    # the unit settles ties, so that the order the rows came in does not
    return frame.assign(**{target: values}).sort_values([time, unit], kind="stable").reset_index(drop=True)


def _blocks(times: pd.Series, horizon: pd.Timedelta | None) -> list[tuple[int, int, int]]:
    """Validation blocks: first row, row after the last, and how many of the rows before it teach."""
    edges = [round(share * len(times)) for share in BLOCKS]
    blocks = []
    for start, end in pairwise(edges):
        if start == end:
            continue
        limit = times.iloc[start] - (horizon or pd.Timedelta(0))
        # of the very moment at which a block begins nothing was known before it
        blocks.append((start, end, int((times.iloc[:start] < limit).sum())))
    return blocks


class _View:
    """A validation block as a model sees it that knows only what was known before: features transformed, once."""

    def __init__(self, x: pd.DataFrame, start: int, end: int, known: int) -> None:
        transform = pipeline(x.iloc[:known])[:-1]
        self.known = known
        self.past = transform.fit_transform(x.iloc[:known])
        self.block = transform.transform(x.iloc[start:end])


def _out_of_time(views: Sequence[_View], y: np.ndarray) -> np.ndarray:
    """Predictions of all blocks, one after the other."""
    return np.concatenate([_fit_recent(_line(), v.past, y[: v.known]).predict_proba(v.block)[:, 1] for v in views])


def _fit_recent(line: LogisticRegression, x: np.ndarray, y: np.ndarray) -> LogisticRegression:
    """Fit to all rows, then move the level to that of the latest ones."""
    line.fit(x, y)
    recent = slice(round(len(y) * (1 - RECENT)), None)
    hits = y[recent].sum()
    if min(hits, len(y[recent]) - hits) >= MINIMUM_CASES:
        logits = line.decision_function(x[recent])
        line.intercept_ += optimize.brentq(lambda shift: special.expit(logits + shift).sum() - hits, -20, 20)
    return line


def _intervals(
    predicted: np.ndarray, answer: np.ndarray, units: np.ndarray, replicates: int, rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """95 % intervals of the AUC and of positives observed per predicted, from Poisson-resampled units."""
    order = np.argsort(predicted, kind="stable")
    predicted, answer, units = predicted[order], answer[order], units[order]
    ties = np.flatnonzero(np.r_[True, predicted[1:] != predicted[:-1]])
    values = np.empty((replicates, 2))
    for row in range(replicates):
        weights = rng.poisson(1.0, units.max() + 1)[units].astype(float)
        won, lost = (np.add.reduceat(weights * mark, ties) for mark in (answer, 1 - answer))
        below = np.cumsum(lost) - lost / 2
        values[row, 0] = (won * below).sum() / max(won.sum() * lost.sum(), 1e-300)
        values[row, 1] = won.sum() / max((weights * predicted).sum(), 1e-300)
    low, high = np.quantile(values, [0.025, 0.975], axis=0)
    return float(low[0]), float(high[0]), float(low[1]), float(high[1])


def _drivers(model: Pipeline) -> pd.DataFrame:
    names = [name.split("__", 1)[1] for name in model[0].get_feature_names_out()]
    weights = pd.DataFrame({"feature": names, "weight": model[-1].coef_[0]})
    return weights.sort_values("weight", key=np.abs, ascending=False, kind="stable").reset_index(drop=True)
