"""How strong a trait nobody recorded would have to be to overturn an estimate without a lottery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Sensitivity:
    """What a hidden confounder could do.

    Attributes
    ----------
    robustness : float
        Share of what is left unexplained, both of the outcome and of who was mailed, that a hidden trait would have to
        explain before the estimate reaches the threshold (0 = any, 1 = none could).
    robustness_of_interval : float
        The same for the end of the 95 % interval next to the threshold; 0 if the interval holds it already.
    strongest : str
        Covariate whose equal, hidden, could do most.
    bias : float
        Largest bias of the effect by a hidden trait as strong as `strongest`.
    """

    robustness: float
    robustness_of_interval: float
    strongest: str
    bias: float


def hidden_confounder(
    x: np.ndarray,
    names: Sequence[str],
    y: np.ndarray,
    mailed: np.ndarray,
    *,
    effect: float,
    error: float,
    noise: np.ndarray,
    weights: np.ndarray,
    threshold: float = 0.0,
) -> Sensitivity:
    """Bound the bias of an effect on the treated by the strength of an omitted variable.

    Parameters
    ----------
    x : ndarray of shape (n, k)
        Covariates.
    names : sequence of str
        Their names.
    y, noise : ndarray of shape (n,)
        Outcome, and what the model leaves of it.
    mailed : ndarray of bool, shape (n,)
    effect, error : float
        The estimate and its standard error.
    weights : ndarray of shape (n,)
        1 for the treated, odds of being mailed for controls.
    threshold : float
        Effect at which the decision turns, e.g. break-even.

    Notes
    -----
    |bias|^2 <= E[noise^2] E[representer^2] C_y^2 C_d^2: Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2022),
    "Long story short: omitted variable bias in causal machine learning". Strengths of what is known, as a yardstick:
    Cinelli and Hazlett (2020), "Making sense of sensitivity", JRSS B 82(1).
    """
    share = mailed.mean()
    scale = np.sqrt((noise**2).mean() * ((np.where(mailed, 1.0, weights) / share) ** 2).mean())
    biases = scale * np.sqrt(np.prod(_strengths(x, y, mailed), axis=0))
    worst = int(np.argmax(biases)) if len(biases) else -1
    gap = abs(effect - threshold)
    return Sensitivity(
        robustness=_robustness(gap, scale),
        robustness_of_interval=_robustness(max(gap - 1.96 * error, 0.0), scale),
        strongest=names[worst] if len(biases) else "",
        bias=float(biases[worst]) if len(biases) else float("nan"),
    )


def _robustness(gap: float, scale: float) -> float:
    """Solve scale^2 r * r / (1 - r) = gap^2."""
    if not scale > 0:
        return float("nan")
    ratio = (gap / scale) ** 2
    return float((np.sqrt(ratio**2 + 4 * ratio) - ratio) / 2)


def _strengths(x: np.ndarray, y: np.ndarray, mailed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per covariate: its partial R2 with the outcome, and what it adds to the variance of the representer."""
    columns = np.column_stack([x, mailed, y])
    spread = columns.std(axis=0)
    columns = (columns - columns.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    # A trace of ridge: levels of one trait add up to a constant.
    products = columns.T @ columns / len(y) + 1e-9 * np.eye(columns.shape[1])
    outcome = _partial(np.linalg.inv(products), -1)
    treatment = np.minimum(_partial(np.linalg.inv(products[:-1, :-1]), -1), 0.99)
    return outcome[:-1], treatment / (1 - treatment)


def _partial(precision: np.ndarray, column: int) -> np.ndarray:
    """Squared partial correlations of a variable with the others, given all the rest."""
    diagonal = np.diag(precision)
    return np.delete(precision[:, column] ** 2 / (diagonal * diagonal[column]), column)
