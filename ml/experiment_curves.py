"""The curve of a channel from its experiments alone, for where its series cannot be trusted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ml.response_model import Channel, Draws, Shape, positive_normal, used

_TRIED = 5  # shapes of the prior for each draw that is kept


def cut_off_series(found: Draws, position: int, channel: Channel, rng: np.random.Generator) -> Draws:
    """The same draws, but those of one channel rest on its experiments and the prior only.

    What moves spend and outcome alike not only lifts the curve that the series shows, it bends it, and no interval
    knows of that. So nothing of the series reaches this curve; the other channels still see what the series shows of
    it. The experiments set the height and, when several were run at unlike spend, tell of the shape. Else the shape
    keeps the spread of its prior, which widens what is said of any spend but the one that was tested.

    Parameters
    ----------
    found : Draws
        Of all channels, from the series and the experiments.
    position : int
        Of the channel among them.
    channel : Channel
        The same, untouched by the sampler: its usual return must not have been learnt from the series.

    Notes
    -----
    A cut of the likelihood: Plummer (2015), "Cuts in Bayesian graphical models", Statistics and Computing 25, 37-43.
    Drawn by sampling and resampling: Smith and Gelfand (1992), "Bayesian statistics without tears".
    """
    draws = len(found.effects)
    tried = [channel.draw(rng) for _ in range(_TRIED * draws)]
    known = [channel.with_experiments(one) for one in tried]
    # The prior is even over the return of all periods, and would favour shapes by which the tested ones brought less
    # than most. It shall be even over what the tests measure: one test says nothing of the shape.
    tested = [max(float(channel.lift_weights @ one.lifts**2), 1e-300) ** 0.5 / one.mean for one in tried]
    evidence = np.array([one[2] for one in known]) + np.log(tested)
    share = np.exp(evidence - evidence.max())
    kept = rng.choice(len(tried), draws, p=share / share.sum())
    effects = found.effects.copy()
    for row, k in enumerate(kept):
        precision, pull, _ = known[k]
        effects[row, position] = positive_normal(pull / precision, precision**-0.5, rng)
    unlikely = [float(np.sum(one.position[used(one.kinds)] ** 2)) / 2 for one in tried]
    best = int(np.argmax(evidence - unlikely))
    best_effects = found.best_effects.copy()
    best_effects[position] = max(known[best][1] / known[best][0], 0.0)
    return replace(
        found,
        effects=effects,
        shapes=[_with(row, position, tried[k].shape) for row, k in zip(found.shapes, kept, strict=True)],
        best=_with(found.best, position, tried[best].shape),
        best_effects=best_effects,
    )


def _with(row: list[Shape], position: int, one: Shape) -> list[Shape]:
    return [*row[:position], one, *row[position + 1 :]]
