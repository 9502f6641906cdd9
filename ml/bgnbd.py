"""How often a customer will order again: the BG/NBD model, with intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize, special

from ml.validation import numbers, require_columns

MINIMUM_REPEATERS = 50
NAMES = ("r", "alpha", "a", "b")


@dataclass(frozen=True, slots=True)
class BgNbd:
    """Fitted BG/NBD model of a customer base; arrays are in the order of the summary's rows.

    Attributes
    ----------
    r, alpha : float
        Gamma of the customers' order rates; alpha in the summary's unit of time.
    a, b : float
        Beta of the chance to leave for good after an order.
    low, high : ndarray of shape (4,)
        95 % intervals of r, alpha, a, b; NaN where the likelihood is flat.
    log_likelihood : float
    verdict : str
        `supported`, or `not enough data`: fewer than 50 customers ordered again, or a parameter is not pinned down.
    frequency, recency, age : ndarray of shape (n_customers,)
    covariance : ndarray of shape (4, 4)
        Of the logarithms of the parameters.
    """

    r: float
    alpha: float
    a: float
    b: float
    low: np.ndarray
    high: np.ndarray
    log_likelihood: float
    verdict: str
    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    covariance: np.ndarray

    @property
    def parameters(self) -> np.ndarray:
        return np.array([self.r, self.alpha, self.a, self.b])

    def probability_alive(self) -> np.ndarray:
        """Chance that each customer has not left yet, shape (n_customers,)."""
        return self._alive(self.parameters)

    def expected_orders(self, t: float) -> np.ndarray:
        """Orders expected of each customer in the next `t` units of time, shape (n_customers,)."""
        if not t >= 0:
            raise ValueError(f"t is {t}; expected 0 or more units of the summary's time")
        return self._orders(self.parameters, t)

    def expected_orders_interval(self, t: float) -> tuple[np.ndarray, np.ndarray]:
        """95 % interval of the expected orders, from the uncertainty of the parameters alone."""
        return self._interval(self.expected_orders(t), lambda parameters: self._orders(parameters, t))

    def to_frame(self) -> pd.DataFrame:
        """One row per parameter: `parameter, value, low, high`."""
        return pd.DataFrame({"parameter": NAMES, "value": self.parameters, "low": self.low, "high": self.high})

    def _alive(self, parameters: np.ndarray) -> np.ndarray:
        r, alpha, a, b = parameters
        x = self.frequency
        odds = a / (b + np.maximum(x, 1) - 1) * ((alpha + self.age) / (alpha + self.recency)) ** (r + x)
        return np.where(x > 0, 1 / (1 + odds), 1.0)

    def _orders(self, parameters: np.ndarray, t: float) -> np.ndarray:
        r, alpha, a, b = parameters
        if abs(a - 1) < 1e-6:  # the formula's two infinities cancel there; its value does not jump
            a = 1 + 1e-6
        x, until = self.frequency, alpha + self.age
        series = special.hyp2f1(r + x, b + x, a + b + x - 1, t / (until + t))
        unending = 1 - (until / (until + t)) ** (r + x) * series
        return np.maximum((a + b + x - 1) / (a - 1) * unending * self._alive(parameters), 0.0)

    def _interval(
        self, value: np.ndarray, function: Callable[[np.ndarray], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Delta method on the logarithm, so that orders stay positive."""
        logs, step = np.log(self.parameters), 1e-4
        slopes = [
            (np.log(function(np.exp(logs + move)) + 1e-300) - np.log(function(np.exp(logs - move)) + 1e-300))
            / (2 * step)
            for move in step * np.eye(4)
        ]
        half = 1.96 * np.sqrt(np.einsum("in,ij,jn->n", slopes, self.covariance, slopes))
        return value * np.exp(-half), value * np.exp(half)


def fit_bgnbd(summary: pd.DataFrame) -> BgNbd:
    """Fit by maximum likelihood.

    Parameters
    ----------
    summary : DataFrame of shape (n_customers, >= 3)
        `frequency` (orders after the first), `recency` (time from the first to the last order, 0 without a repeat) and
        `T` (time from the first order to now), all in one unit of time.

    Raises
    ------
    ValueError
        If a column is missing or breaks that contract, or nobody ordered again.

    Notes
    -----
    Fader, Hardie and Lee (2005), "Counting your customers the easy way", Marketing Science 24(2). The search runs over
    the logarithms, from several starts, with the exact gradient; intervals from the curvature there.
    """
    require_columns(summary, ("frequency", "recency", "T"), "summary")
    x, recency, age = (numbers(summary, name, "summary", minimum=0) for name in ("frequency", "recency", "T"))
    if (odd := recency > age).any():
        raise ValueError(f"summary.recency: {odd.sum()} of {len(x)} rows exceed T")
    if (odd := (x == 0) != (recency == 0)).any():
        raise ValueError(f"summary.recency: {odd.sum()} of {len(x)} rows are 0 with repeats, or positive without")
    if not (x > 0).any():
        raise ValueError(f"summary.frequency is 0 in all {len(x)} rows: nobody ordered again")

    unit = age.mean()
    known = (x, recency / unit, age / unit)
    starts = ([0.0, 0.0, 0.0, 0.0], [-1.0, -1.0, 0.0, 1.0], [1.0, 1.0, -1.0, 1.0])
    bounds = [(-10.0, 10.0)] * 4
    runs = [
        optimize.minimize(_loss, start, known, jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": 1e-14})
        for start in starts
    ]
    best = min(runs, key=lambda run: run.fun)
    covariance = _covariance(best.x, known)
    scale = np.array([1.0, unit, 1.0, 1.0])
    half = 1.96 * np.sqrt(np.diag(covariance))
    enough = (x > 0).sum() >= MINIMUM_REPEATERS and bool((half < np.log(10)).all())  # False for NaN
    r, alpha, a, b = (float(value) for value in np.exp(best.x) * scale)
    return BgNbd(
        r,
        alpha,
        a,
        b,
        low=np.exp(best.x - half) * scale,
        high=np.exp(best.x + half) * scale,
        log_likelihood=float(-best.fun - x.sum() * np.log(unit)),
        verdict="supported" if enough else "not enough data",
        frequency=x,
        recency=recency,
        age=age,
        covariance=covariance,
    )


def _loss(logs: np.ndarray, x: np.ndarray, recency: np.ndarray, age: np.ndarray) -> tuple[float, np.ndarray]:
    """Negative log-likelihood and its gradient in the logarithms of r, alpha, a, b."""
    r, alpha, a, b = np.exp(logs)
    repeats = x > 0
    after = b + np.maximum(x, 1) - 1
    stayed = -(r + x) * np.log(alpha + age)
    left = np.where(repeats, np.log(a / after) - (r + x) * np.log(alpha + recency), -np.inf)
    either = np.logaddexp(stayed, left)
    value = special.gammaln(r + x) - special.gammaln(r) + r * np.log(alpha) + either
    value += special.betaln(a, b + x) - special.betaln(a, b)
    gone = np.exp(left - either)
    here = 1 - gone
    psi = special.digamma
    gradient = np.array(
        [
            psi(r + x) - psi(r) + np.log(alpha) - here * np.log(alpha + age) - gone * np.log(alpha + recency),
            r / alpha - (r + x) * (here / (alpha + age) + gone / (alpha + recency)),
            psi(a + b) - psi(a + b + x) + gone / a,
            psi(b + x) - psi(b) + psi(a + b) - psi(a + b + x) - gone / after,
        ]
    )
    return float(-value.sum()), -gradient.sum(axis=1) * np.exp(logs)


def _covariance(logs: np.ndarray, known: tuple[np.ndarray, np.ndarray, np.ndarray]) -> np.ndarray:
    """Inverse of the curvature; NaN where it has no minimum."""
    step = 1e-5
    rows = [(_loss(logs + move, *known)[1] - _loss(logs - move, *known)[1]) / (2 * step) for move in step * np.eye(4)]
    curvature = (np.array(rows) + np.array(rows).T) / 2
    if not (np.linalg.eigvalsh(curvature) > 1e-9).all():
        return np.full((4, 4), np.nan)
    return np.linalg.inv(curvature)
