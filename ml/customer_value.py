"""What a customer will bring: orders to come, whether he has left, and contribution margin with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from ml.bgnbd import BgNbd, fit_bgnbd
from ml.calibration import bin_interval, calibration_table
from ml.metrics import share_interval
from ml.validation import numbers, require_columns

MINIMUM_ORDERS = 200
_DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class CustomerValue:
    """Forecast per customer over a horizon, and how an earlier forecast of the same kind came out.

    Attributes
    ----------
    orders_model : BgNbd
    customers : DataFrame
        One row per customer: `orders` (expected) with `orders_low, orders_high` (95 % of what may happen),
        `probability_alive, alive_low, alive_high`, `margin_per_order` (expected, shrunk to the mean of all), `value`
        (expected contribution margin over the horizon) with `value_low, value_high` (95 % of what may happen),
        `orders_short` (expected over `short_days`) with `any_order`, the chance of at least one, and as its interval
        the share of such customers who did order in the validation.
    margin_mean, margin_between, margin_within : float
        Mean margin of an order, standard deviation of customers' means, and of a customer's orders around theirs.
    validation : DataFrame
        `bin, rows, predicted, observed, observed_low, observed_high`: tenths of the customers of the validation by the
        chance to order; shares of customers.
    auc : float
        How well that chance ranks who ordered in the validation.
    ratio : float
        Orders observed per order expected in the validation, NaN without one.
    coverage : float
        Share of customers whose orders in the validation lay inside their 95 % interval.
    value_ratio : float
        Margin observed per margin expected in the validation.
    verdict : str
        `supported`; `not enough data` (fewer than 200 orders, or nobody ordered again); `not identified` (the orders of
        the validation were off by more than a quarter, or outside the intervals of more than a tenth of the customers).
    """

    orders_model: BgNbd | None
    customers: pd.DataFrame
    margin_mean: float
    margin_between: float
    margin_within: float
    validation: pd.DataFrame
    auc: float
    ratio: float
    coverage: float
    value_ratio: float
    verdict: str

    def to_frame(self) -> pd.DataFrame:
        """One row per customer."""
        return self.customers


def order_summary(orders: pd.DataFrame, *, customer: str, time: str, margin: str, until: pd.Timestamp) -> pd.DataFrame:
    """Sum orders up to a moment, one row per customer who had ordered by then.

    Returns
    -------
    DataFrame
        Index: customer. `frequency` (days with an order after the first), `recency`, `T` (days), `orders`, `margin`,
        `margin_squares` (sums over orders).
    """
    require_columns(orders, (customer, time, margin), "orders")
    past = orders[orders[time] <= until]
    worth = numbers(past, margin, "orders") if len(past) else np.empty(0)
    day = past[time].dt.floor("D")
    groups = pd.DataFrame({"customer": past[customer].to_numpy(), "day": day.to_numpy(), "margin": worth})
    groups["squares"] = groups["margin"] ** 2
    sums = groups.groupby("customer").agg(
        first=("day", "min"), last=("day", "max"), days=("day", "nunique"), orders=("day", "size"),
        margin=("margin", "sum"), margin_squares=("squares", "sum"),
    )  # fmt: skip
    return pd.DataFrame(
        {
            # two orders of a day are one decision
            "frequency": sums["days"] - 1,
            "recency": (sums["last"] - sums["first"]).dt.total_seconds() / _DAY,
            "T": (until - sums["first"]).dt.total_seconds() / _DAY,
            "orders": sums["orders"],
            "margin": sums["margin"],
            "margin_squares": sums["margin_squares"],
        }
    )


def forecast(
    orders: pd.DataFrame,
    *,
    customer: str,
    time: str,
    margin: str,
    until: pd.Timestamp,
    horizon_days: float = 365.0,
    short_days: float = 90.0,
    draws: int = 400,
    rng: np.random.Generator | None = None,
) -> CustomerValue:
    """Forecast orders and contribution margin of every customer.

    Parameters
    ----------
    orders : DataFrame of shape (n_orders, >= 3)
        One row per order: customer, moment without zone, contribution margin net of returns (may be negative).
    until : Timestamp
        The end of what is known; forecasts begin here, and the last `short_days` before it validate.
    horizon_days, short_days : float
        How far value and orders, and near orders, are forecast.
    draws : int
        Futures simulated per customer for the intervals.
    rng : numpy.random.Generator, optional
        Default seed 0.

    Raises
    ------
    ValueError
        If a column is missing or holds what it may not.

    Notes
    -----
    Orders by BG/NBD (`ml.bgnbd`): given the data a customer is still there with a known chance, his rate is Gamma and
    his chance to leave after an order Beta, so that a future is drawn exactly, as the smaller of a Poisson and a
    geometric number. Margins by the normal-normal model: Gamma-Gamma (Fader and Hardie, 2013) needs every customer's
    mean to be positive, which margins net of returns are not. Both take the margin of an order to be independent of
    how often a customer orders. A first order before the data began is unknown, so the first one seen is taken for it.
    """
    rng = np.random.default_rng(0) if rng is None else rng
    require_columns(orders, (customer, time, margin), "orders")
    summary = order_summary(orders, customer=customer, time=time, margin=margin, until=until)
    if len(summary) == 0 or summary["orders"].sum() < MINIMUM_ORDERS or not (summary["frequency"] > 0).any():
        empty = calibration_table(np.empty(0), np.empty(0))
        three = (float("nan"),) * 3
        return CustomerValue(None, pd.DataFrame(), *three, empty, *three, float("nan"), "not enough data")
    orders = orders[orders[time] <= until]
    validation, auc, ratio, coverage, value_ratio = _validate(
        orders, customer, time, margin, until - pd.Timedelta(days=short_days), short_days, draws, rng
    )
    model = fit_bgnbd(summary)
    margins = _margins(summary)
    rest = _residuals(orders, customer, margin, summary, margins)
    customers = _futures(model, summary, margins, rest, horizon_days, short_days, draws, rng)
    customers["any_order_low"], customers["any_order_high"] = bin_interval(validation, customers["any_order"])
    known = np.isfinite(ratio)
    holds = known and 0.75 <= ratio <= 1.25 and coverage >= 0.9
    return CustomerValue(
        orders_model=model,
        customers=customers,
        margin_mean=margins[0],
        margin_between=margins[1] ** 0.5,
        margin_within=margins[2] ** 0.5,
        validation=validation,
        auc=auc,
        ratio=ratio,
        coverage=coverage,
        value_ratio=value_ratio,
        verdict="supported" if holds else "not identified" if known else "not enough data",
    )


def _margins(summary: pd.DataFrame) -> tuple[float, float, float]:
    """Mean margin of an order and the variances between and within customers, by the method of moments."""
    count, total, squares = (summary[name].to_numpy(dtype=float) for name in ("orders", "margin", "margin_squares"))
    orders, means = count.sum(), total / count
    inside = max(float((squares - total * means).sum()), 0.0)
    within = inside / max(orders - len(count), 1.0)
    mean = float(total.sum() / orders)
    spread = float((count * (means - mean) ** 2).sum())
    between = (spread - (len(count) - 1) * within) / max(orders - (count**2).sum() / orders, 1e-9)
    return mean, max(between, 0.0), max(within, 1e-9)


def _shrunk(summary: pd.DataFrame, margins: tuple[float, float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Expected margin of each customer's orders, and what is left unknown of it (variance)."""
    mean, between, within = margins
    count, total = summary["orders"].to_numpy(dtype=float), summary["margin"].to_numpy(dtype=float)
    weight = between * count / (between * count + within)
    return mean + weight * (total / count - mean), between * (1 - weight)


def _residuals(
    orders: pd.DataFrame, customer: str, margin: str, summary: pd.DataFrame, margins: tuple[float, float, float]
) -> np.ndarray:
    """What orders differ from their customer's expected margin, with mean 0 and the variance within customers."""
    expected = pd.Series(_shrunk(summary, margins)[0], index=summary.index)
    rest = orders[margin].to_numpy(dtype=float) - expected.reindex(orders[customer]).to_numpy()
    rest = rest - rest.mean()
    spread = rest.std()
    return rest * (np.sqrt(margins[2]) / spread) if spread > 0 else rest


def _futures(
    model: BgNbd,
    summary: pd.DataFrame,
    margins: tuple[float, float, float],
    rest: np.ndarray,
    horizon: float,
    short: float,
    draws: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    expected, left_over = _shrunk(summary, margins)
    r, alpha, a, b = model.parameters
    alive, size = model.probability_alive(), len(summary)
    number = np.empty((draws, size), dtype=np.int32)
    soon = np.zeros(size)
    value = np.empty((draws, size), dtype=np.float32)
    for draw in range(draws):
        rate = rng.gamma(r + model.frequency, 1 / (alpha + model.age))
        leaving = np.clip(rng.beta(a, b + model.frequency), 1e-12, 1)
        is_here = rng.random(size) < alive
        until_gone = np.minimum(rng.geometric(leaving), 2**31 - 1)
        near = rng.poisson(rate * short)
        far = near + rng.poisson(rate * max(horizon - short, 0.0)) if horizon > short else near
        number[draw] = np.where(is_here, np.minimum(far, until_gone), 0)
        soon += (is_here & (near > 0)) / draws
        own = rng.normal(expected, np.sqrt(left_over))
        # single orders as they are, skewed: sums of few are far from normal
        owner = np.repeat(np.arange(size), number[draw])
        value[draw] = own * number[draw] + np.bincount(owner, rng.choice(rest, len(owner)), size)
    orders = model.expected_orders(horizon)
    alive_low, alive_high = _alive_interval(model)
    return pd.DataFrame(
        {
            "orders": orders,
            "orders_low": np.quantile(number, 0.025, axis=0),
            "orders_high": np.quantile(number, 0.975, axis=0),
            "probability_alive": alive,
            "alive_low": alive_low,
            "alive_high": alive_high,
            "margin_per_order": expected,
            "value": orders * expected,
            "value_low": np.quantile(value, 0.025, axis=0),
            "value_high": np.quantile(value, 0.975, axis=0),
            "orders_short": model.expected_orders(short),
            "any_order": soon,
        },
        index=summary.index,
    )


def _alive_interval(model: BgNbd) -> tuple[np.ndarray, np.ndarray]:
    """Of the chance to be still there, from the parameters' uncertainty; 0 to 1 where they are not pinned down."""
    alive = model.probability_alive()
    logs, step = np.log(model.parameters), 1e-4
    slopes = np.array(
        [
            (model._alive(np.exp(logs + move)) - model._alive(np.exp(logs - move))) / (2 * step)
            for move in step * np.eye(4)
        ]
    )
    error = np.sqrt(np.einsum("in,ij,jn->n", slopes, model.covariance, slopes))
    low, high = share_interval(alive, np.nan_to_num(error, nan=10.0), 1.96)
    return np.clip(low, 0, 1), np.clip(high, 0, 1)


def _validate(
    orders: pd.DataFrame,
    customer: str,
    time: str,
    margin: str,
    until: pd.Timestamp,
    days: float,
    draws: int,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, float, float, float, float]:
    """What would have been forecast at `until`, beside what happened in the days after."""
    unknown = (calibration_table(np.empty(0), np.empty(0)), *(float("nan"),) * 4)
    past = orders[orders[time] <= until]
    later = orders[(orders[time] > until) & (orders[time] <= until + pd.Timedelta(days=days))]
    if len(past) < MINIMUM_ORDERS or len(later) < MINIMUM_ORDERS / 4:
        return unknown
    summary = order_summary(past, customer=customer, time=time, margin=margin, until=until)
    came = later.groupby([customer, later[time].dt.floor("D")])[margin].sum().groupby(level=0).agg(["size", "sum"])
    came = came.reindex(summary.index, fill_value=0)
    seen, worth = came["size"].to_numpy(dtype=float), came["sum"].to_numpy(dtype=float)
    if not (summary["frequency"] > 0).any() or not 0 < (seen > 0).sum() < len(seen):
        return unknown
    margins = _margins(summary)
    rest = _residuals(past, customer, margin, summary, margins)
    told = _futures(fit_bgnbd(summary), summary, margins, rest, days, days, draws, rng)
    inside = (told["orders_low"] <= seen) & (seen <= told["orders_high"])
    chance = told["any_order"].to_numpy()
    return (
        calibration_table(chance, (seen > 0).astype(float)),
        float(roc_auc_score(seen > 0, told["orders"])),
        float(seen.sum() / told["orders"].sum()),
        float(inside.mean()),
        float(worth.sum() / told["value"].sum()) if told["value"].sum() > 0 else float("nan"),
    )
