"""The numerics of the response model: what each channel's curve can be, and how well the data tell curves apart.

The outcome is controls plus, per channel, effect x saturation(adstock(spend)). Given the shapes of all curves the model
is linear, so the controls are integrated out exactly (as a projection), the non-negative effect of a channel too, and
only its few shape parameters are searched: one Metropolis step per channel in turn.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np
from scipy import special

from ml import adstock

_LOG_ROOT_2PI = 0.5 * np.log(2 * np.pi)
# Prior of a shape: location and spread of logit carry-over (or log delay), log Weibull shape, log half-saturation
# against the mean of the spend that was not 0, log slope.
_LOCATION = np.array([-0.8, 0.5, -0.1, 0.25])
_SPREAD = np.array([1.1, 0.4, 0.9, 0.35])
ADSTOCKS = ("geometric", "weibull")
SATURATIONS = ("hill", "logistic")


@dataclass(frozen=True, slots=True)
class Shape:
    """Shape of one channel's response; spend is in the unit of the frame.

    Attributes
    ----------
    adstock : {"geometric", "weibull"}
    saturation : {"hill", "logistic"}
    carry_over : float
        Geometric: share of the pressure left one period later. Weibull: exp(-1 / scale).
    weibull_shape : float
        1 for geometric.
    half_saturation : float
        Pressure that brings half of the largest effect.
    slope : float
        Exponent of the Hill curve; 1 for a logistic one.
    """

    adstock: str
    saturation: str
    carry_over: float
    weibull_shape: float
    half_saturation: float
    slope: float

    @property
    def rate(self) -> float:
        """Rate of a logistic curve, per unit of pressure."""
        return adstock.logistic_rate(self.half_saturation)

    def pressure(self, spend: np.ndarray) -> np.ndarray:
        """Carry-over applied to spend of shape (n_periods, ...)."""
        if self.adstock == "geometric":
            return adstock.geometric(spend, self.carry_over)
        return adstock.weibull(spend, -1 / np.log(self.carry_over), self.weibull_shape)

    def saturated(self, pressure: np.ndarray) -> np.ndarray:
        """Share of the largest effect, 0 to 1."""
        if self.saturation == "hill":
            return adstock.hill(pressure, self.half_saturation, self.slope)
        return adstock.logistic(pressure, self.half_saturation)

    def response(self, spend: np.ndarray) -> np.ndarray:
        return self.saturated(self.pressure(spend))


@dataclass(frozen=True, slots=True)
class Lift:
    """One experiment on a channel: `value` more outcome over the periods `inside` because of the spend in them."""

    inside: np.ndarray
    value: float
    error: float


class Whitener:
    """Takes out controls and the correlation of neighbouring errors (first order, known)."""

    def __init__(self, controls: np.ndarray, correlation: float, weights: np.ndarray) -> None:
        self.correlation, self.weights = correlation, weights
        basis, triangle = np.linalg.qr(self._whitened(controls))
        self.basis = np.ascontiguousarray(basis[:, np.abs(np.diag(triangle)) > 1e-9 * np.abs(triangle).max()])
        self._transposed = np.ascontiguousarray(self.basis.T)

    def _whitened(self, values: np.ndarray) -> np.ndarray:
        out = np.empty_like(values)
        np.subtract(values[1:], self.correlation * values[:-1], out=out[1:])
        out[0] = values[0] * (1 - self.correlation**2) ** 0.5
        out *= self.weights if values.ndim == 1 else self.weights[:, None]
        return out

    def __call__(self, values: np.ndarray) -> np.ndarray:
        out = self._whitened(values)
        out -= self.basis @ (self._transposed @ out)
        return out


@dataclass(slots=True)
class Candidate:
    """A shape with what the likelihood needs of it."""

    kinds: tuple[str, str]
    position: np.ndarray  # (4,), standardised
    shape: Shape
    column: np.ndarray  # response through the whitener
    mean: float
    square: float
    lifts: np.ndarray  # response over each experiment


class Channel:
    """Spend of one channel, its experiments and its priors.

    Parameters
    ----------
    inflation : float
        How much larger the variance of its effect is than that of independent errors.
    usual_return : float
        Scale of the half-normal prior of its return per unit of spend. Channels share it, and the sampler learns it.
    """

    def __init__(
        self,
        spend: np.ndarray,
        whitener: Whitener,
        kinds: list[tuple[str, str]],
        lifts: list[Lift],
        usual_return: float,
        inflation: float = 1.0,
    ) -> None:
        self.spend, self.whitener, self.kinds, self.lifts = spend, whitener, kinds, lifts
        self.usual_return, self.inflation = usual_return, inflation
        self.mean_spend = max(float(spend.mean()), 1e-12)
        active = spend[spend > 0]
        self.scale = float(active.mean()) if len(active) else 1.0
        self.lift_values = np.array([lift.value for lift in lifts])
        self.lift_weights = np.array([lift.error**-2.0 for lift in lifts])

    def draw(self, rng: np.random.Generator) -> Candidate:
        return self.candidate(self.kinds[rng.integers(len(self.kinds))], rng.standard_normal(4))

    def candidate(self, kinds: tuple[str, str], position: np.ndarray) -> Candidate:
        carry, weibull, half, slope = (max(-12.0, min(12.0, v)) for v in (_LOCATION + _SPREAD * position).tolist())
        shape = Shape(
            adstock=kinds[0],
            saturation=kinds[1],
            carry_over=max(1e-6, min(0.98, 1 / (1 + exp(-carry)))),
            weibull_shape=exp(weibull) if kinds[0] == "weibull" else 1.0,
            half_saturation=self.scale * exp(half),
            slope=exp(slope) if kinds[1] == "hill" else 1.0,
        )
        response = shape.response(self.spend)
        column = self.whitener(response)
        lifts = np.array([(response - shape.response(np.where(lift.inside, 0.0, self.spend)))[lift.inside].sum()
                          for lift in self.lifts])  # fmt: skip
        mean, square = float(response.sum()) / len(response), float(column @ column)
        return Candidate(kinds, position, shape, column, max(mean, 1e-12), max(square, 1e-12), lifts)

    def moments(self, candidate: Candidate, rest: np.ndarray, variance: float) -> tuple[float, float, float, float]:
        """Precision and moment of the effect, the slack of the bias, and the log evidence of the shape.

        Where an experiment is known, the series counts as one more measurement, with an unknown bias: whatever moves
        spend and outcome alike moves it, and leaves the experiment alone. The spread of that bias is half the effect,
        or the difference between series and experiment where that is larger.
        """
        variance = variance * self.inflation
        moment = float(candidate.column @ rest)
        estimate = moment / candidate.square
        own = variance / candidate.square
        slack = 0.0
        if self.lifts:
            weight = float(self.lift_weights @ candidate.lifts**2)
            measured = float(self.lift_weights @ (candidate.lifts * self.lift_values)) / max(weight, 1e-300)
            slack = max(0.5 * max(estimate, measured, 0.0), abs(estimate - measured)) ** 2
        precision, pull = 1 / (own + slack), estimate / (own + slack)
        evidence = estimate * moment / (2 * variance) + 0.5 * np.log(own / (own + slack))
        evidence -= estimate**2 * precision / 2
        precision, pull, known = self.with_experiments(candidate, precision, pull)
        return precision, pull, slack, float(evidence + known)

    def with_experiments(
        self, candidate: Candidate, precision: float = 0.0, pull: float = 0.0
    ) -> tuple[float, float, float]:
        """Precision, moment and evidence after experiments and the prior of the return, on top of those given."""
        if self.lifts:
            precision += float(self.lift_weights @ candidate.lifts**2)
            pull += float(self.lift_weights @ (candidate.lifts * self.lift_values))
        spread = self.usual_return * self.mean_spend / candidate.mean
        precision += spread**-2
        evidence = pull**2 / (2 * precision) + special.log_ndtr(pull / np.sqrt(precision))
        return precision, pull, float(evidence + np.log(2) - np.log(spread) - 0.5 * np.log(precision))

    def effects(
        self, candidate: Candidate, rest: np.ndarray, variance: float, rng: np.random.Generator
    ) -> tuple[float, float]:
        """Draw the effect, and the coefficient the series shows (effect plus bias)."""
        precision, pull, slack, _ = self.moments(candidate, rest, variance)
        effect = positive_normal(pull / precision, precision**-0.5, rng)
        if not slack:
            return effect, effect
        own = variance * self.inflation / candidate.square
        centre = float(candidate.column @ rest) / candidate.square - effect
        bias = centre * slack / (slack + own) + rng.standard_normal() * np.sqrt(own * slack / (own + slack))
        return effect, effect + bias


def positive_normal(mean: float, spread: float, rng: np.random.Generator) -> float:
    """One draw of a normal distribution cut at 0, from its upper tail: exact also where almost all of it is below."""
    upper = special.log_ndtr(mean / spread)
    return float(max(mean - spread * special.ndtri_exp(upper + np.log(rng.uniform(1e-300, 1.0))), 0.0))


@dataclass(frozen=True, slots=True)
class Draws:
    """Draws of the posterior, one row each.

    Attributes
    ----------
    effects : ndarray of shape (n_draws, n_channels)
        Outcome per period at full saturation.
    shapes : list of list of Shape, (n_draws, n_channels)
    variance : float
        Of the whitened errors, mean of the draws.
    residual : ndarray of shape (n_periods,)
        Whitened, at the mean of what the channels explain.
    best : list of Shape
        The most probable shapes.
    best_effects : ndarray of shape (n_channels,)
        Effects that go with them.
    columns : list of ndarray
        Whitened responses of the most probable shapes.
    """

    effects: np.ndarray
    shapes: list[list[Shape]]
    variance: float
    residual: np.ndarray
    best: list[Shape]
    best_effects: np.ndarray
    columns: list[np.ndarray]


def sample(
    outcome: np.ndarray, channels: list[Channel], degrees: int, *, draws: int, burn_in: int, rng: np.random.Generator
) -> Draws:
    """Draw shapes and effects of all channels.

    Parameters
    ----------
    outcome : ndarray of shape (n_periods,)
        Through the whitener.
    degrees : int
        Periods less controls.
    draws, burn_in : int
        Sweeps over all channels that are kept, and before them.

    Notes
    -----
    Griddy search first: each channel takes the best of some shapes of the prior, twice over. Then each sweep proposes,
    per channel, one jump anywhere in the prior and one step nearby whose length is learnt in the burn-in.
    """
    guess = channels[0].usual_return
    states = [channel.draw(rng) for channel in channels]
    shown = np.zeros(len(channels))  # coefficients in the series
    effects = np.zeros(len(channels))
    rest = outcome.copy()
    variance = float(rest @ rest) / degrees
    for _ in range(2):
        for c, channel in enumerate(channels):
            rest += shown[c] * states[c].column
            tried = [states[c], *(channel.draw(rng) for _ in range(40))]
            states[c] = max(tried, key=lambda one: channel.moments(one, rest, variance)[3])
            precision, pull, _, _ = channel.moments(states[c], rest, variance)
            effects[c] = shown[c] = max(pull / precision, 0.0)
            rest -= shown[c] * states[c].column
        variance = float(rest @ rest) / max(degrees - 2 * len(channels), 1)

    steps = np.full(len(channels), 0.5)
    kept_effects = np.empty((draws, len(channels)))
    kept_shapes: list[list[Shape]] = []
    explained, variances = np.zeros_like(outcome), np.empty(draws)
    best, least = list(states), np.inf
    for sweep in range(burn_in + draws):
        for c, channel in enumerate(channels):
            rest += shown[c] * states[c].column
            evidence = channel.moments(states[c], rest, variance)[3]
            for is_jump in (True, False):
                old = states[c]
                if is_jump:
                    new, odds = channel.draw(rng), 0.0
                else:
                    new = channel.candidate(old.kinds, old.position + steps[c] * rng.standard_normal(4))
                    odds = float(old.position @ old.position - new.position @ new.position) / 2
                proposed = channel.moments(new, rest, variance)[3]
                accepted = np.log(rng.random()) < proposed - evidence + odds
                if accepted:
                    states[c], evidence = new, proposed
                if not is_jump and sweep < burn_in:
                    steps[c] *= np.exp((accepted - 0.3) / (1 + sweep) ** 0.6)
            effects[c], shown[c] = channel.effects(states[c], rest, variance, rng)
            rest -= shown[c] * states[c].column
        unlikely = float(rest @ rest) / variance + sum(float(one.position @ one.position) for one in states)
        variance = float(rest @ rest) / rng.chisquare(degrees)
        _learn_usual_return(channels, states, effects, guess, rng)
        if sweep >= burn_in:
            if unlikely < least:
                best, least = list(states), unlikely
            kept_effects[sweep - burn_in] = effects
            kept_shapes.append([state.shape for state in states])
            explained += (outcome - rest) / draws
            variances[sweep - burn_in] = variance
    mean_variance = float(variances.mean())
    best, best_effects = _climb(outcome, channels, best, kept_effects.mean(axis=0), mean_variance, rng)
    return Draws(
        effects=kept_effects,
        shapes=kept_shapes,
        variance=mean_variance,
        residual=outcome - explained,
        best=[state.shape for state in best],
        best_effects=best_effects,
        columns=[state.column for state in best],
    )


def _learn_usual_return(
    channels: list[Channel], states: list[Candidate], effects: np.ndarray, guess: float, rng: np.random.Generator
) -> None:
    """Draw the scale of returns that all channels share: what one brings says a little of what others may.

    Its square has an inverse gamma prior with the weight of two channels and its mode at half the first guess.
    """
    returns = np.array(
        [e * state.mean / channel.mean_spend for channel, state, e in zip(channels, states, effects, strict=True)]
    )
    shape, rate = 1 + len(channels) / 2, (guess / 2) ** 2 * 2 + float(returns @ returns) / 2
    scale = (rate / rng.gamma(shape)) ** 0.5
    for channel in channels:
        channel.usual_return = min(scale, 2 * guess)


def _climb(
    outcome: np.ndarray,
    channels: list[Channel],
    states: list[Candidate],
    effects: np.ndarray,
    variance: float,
    rng: np.random.Generator,
) -> tuple[list[Candidate], np.ndarray]:
    """From the best draw to the nearest most probable curves, channel by channel with ever shorter steps.

    A simple kind of curve is preferred unless a kind with one more parameter fits better by the measure of Schwarz. The
    prior counts a tenth: enough to hold a shape the data say nothing about.
    """
    states, shown = list(states), effects.copy()
    rest = outcome - sum(shown[c] * state.column for c, state in enumerate(states))
    price = 0.5 * np.log(len(outcome))
    for lengths in (0.5 ** np.arange(0, 4), 0.5 ** np.arange(2, 8)):
        for c, channel in enumerate(channels):
            rest += shown[c] * states[c].column

            def height(one: Candidate, channel: Channel = channel, rest: np.ndarray = rest) -> float:
                extra = (one.kinds[0] == "weibull") + (one.kinds[1] == "hill")
                prior = float(one.position[used(one.kinds)] @ one.position[used(one.kinds)]) / 20
                return channel.moments(one, rest, variance)[3] - prior - price * extra

            reached = []
            for kinds in channel.kinds:
                best = channel.candidate(kinds, states[c].position)
                top = height(best)
                for length in np.repeat(lengths, 12):
                    tried = channel.candidate(kinds, best.position + length * rng.standard_normal(4))
                    if (found := height(tried)) > top:
                        best, top = tried, found
                reached.append((top, best))
            states[c] = max(reached, key=lambda one: one[0])[1]
            precision, pull, slack, _ = channel.moments(states[c], rest, variance)
            effects[c] = max(pull / precision, 0.0)
            shown[c] = float(states[c].column @ rest) / states[c].square if slack else effects[c]
            rest -= shown[c] * states[c].column
    return states, effects


def used(kinds: tuple[str, str]) -> np.ndarray:
    """Which of the four shape parameters a kind of curve has."""
    return np.array([True, kinds[0] == "weibull", True, kinds[1] == "hill"])
