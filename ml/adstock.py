"""How advertising wears off and wears out: carry-over of spend to later periods, and saturation of its pressure.

Carry-over is normalised (its weights add up to 1), so that constant spend gives a pressure of just that spend, and
every curve can be read as a function of spend per period.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

LONGEST_LAG = 90
_LN3 = float(np.log(3.0))
_TAIL = float(6 * np.log(10))


def geometric(spend: np.ndarray, carry_over: float) -> np.ndarray:
    """Pressure of which `carry_over` is left one period later.

    Parameters
    ----------
    spend : ndarray of shape (n_periods,) or (n_periods, n_series)
        Per period, in time order; before the first period there was none.
    carry_over : float
        In [0, 1).
    """
    return signal.lfilter([1 - carry_over], [1, -carry_over], spend, axis=0)


def weibull_weights(scale: float, shape: float, longest: int = LONGEST_LAG) -> np.ndarray:
    """Share of the effect that falls into each of `longest` periods: the Weibull distribution of the delay, cut there.

    Parameters
    ----------
    scale : float
        In periods; 63 % of the effect comes within it.
    shape : float
        1 is geometric carry-over with `carry_over = exp(-1 / scale)`; above 1 the effect peaks later than the spend.
    """
    left = np.exp(-((np.arange(longest + 1) / scale) ** shape))
    weights = left[:-1] - left[1:]
    total = float(weights.sum())
    return weights / total if total > 0 else np.eye(1, longest, longest - 1)[0]


def weibull(spend: np.ndarray, scale: float, shape: float) -> np.ndarray:
    """Pressure whose delay is Weibull distributed; parameters as in `geometric` and `weibull_weights`."""
    # Later periods hold less than a millionth.
    longest = int(min(LONGEST_LAG, scale * _TAIL ** (1 / shape) + 2))
    weights = weibull_weights(scale, shape, longest)
    if spend.ndim == 1:
        return np.convolve(spend, weights)[: len(spend)]
    return signal.lfilter(weights, [1.0], spend, axis=0)


def hill(pressure: np.ndarray, half_saturation: float, slope: float) -> np.ndarray:
    """Share of the largest effect, 0 to 1; half of it at `half_saturation`, S-shaped for a slope above 1."""
    with np.errstate(divide="ignore", over="ignore"):
        return 1 / (1 + (half_saturation / np.maximum(pressure, 0)) ** slope)


def logistic(pressure: np.ndarray, half_saturation: float) -> np.ndarray:
    """Share of the largest effect, 0 to 1: (1 - exp(-r p)) / (1 + exp(-r p)) with rate r = ln 3 / half_saturation."""
    return np.tanh(np.maximum(pressure, 0) * (_LN3 / (2 * half_saturation)))


def logistic_rate(half_saturation: float) -> float:
    """The rate r of `logistic`."""
    return _LN3 / half_saturation
