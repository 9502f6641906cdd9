"""Every external daily series against every internal one, false discoveries controlled over all pairs at once.

What is supported moves with the other side beyond weekday, trend, season and holidays. For the weather and the
calendar, which nobody in the company decides, that is an effect; spend and posts also follow demand, and their
sentences say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from ml.validation import numbers, require_columns
from ml.weather_effect import Screening
from ml.weather_sales import HARMONICS, REPLICATES, screen

COLUMNS = ("series_date", "side", "series", "value")
SIDES = ("external", "internal")


def screen_series(
    frame: pd.DataFrame,
    *,
    controls: Sequence[str] = ("is_holiday",),
    max_lag: int = 3,
    harmonics: int = HARMONICS,
    replicates: int = REPLICATES,
    rng: np.random.Generator | None = None,
) -> Screening:
    """Fit each internal series on each external one with `ml.weather_sales.fit`.

    Parameters
    ----------
    frame : DataFrame
        One row per day x series: `series_date` (day), `side` (`external`, `internal`), `series` (its name), `value`
        (number in the unit of the series). A day without a row is missing; nothing is imputed.
    controls : sequence of str
        External series that are taken out of all others, known on every day; those not in the frame are left out.
    max_lag, harmonics, replicates, rng
        As in `ml.weather_sales.fit`.

    Returns
    -------
    Screening
        One effect per pair, by internal then external series; `variable` is the external one, `outcome` the internal.

    Raises
    ------
    ValueError
        If a column is missing or not numeric, a side is unknown or has no series, or a day x series comes twice.
    """
    require_columns(frame, COLUMNS, "frame")
    if unknown := sorted(set(frame["side"]) - set(SIDES)):
        raise ValueError(f"frame.side holds {unknown}; expected {list(SIDES)}")
    if twice := int(frame.duplicated(["series_date", "side", "series"]).sum()):
        raise ValueError(f"frame: {twice} of {len(frame)} rows repeat a day x series; expected one row for each")
    rows = frame.assign(value=numbers(frame, "value", "frame", allow_missing=True))
    sides = {side: rows.loc[rows["side"] == side].drop(columns="side") for side in SIDES}
    if lacking := [side for side, of_side in sides.items() if of_side.empty]:
        raise ValueError(f"frame holds {len(frame)} rows, but no series of side {lacking}")

    external = sides["external"].pivot(index="series_date", columns="series", values="value")
    internal = sides["internal"].rename(columns={"series": "outcome"})
    found = screen(
        internal.merge(external, how="left", left_on="series_date", right_index=True),
        date="series_date",
        x=list(external.columns),
        y="value",
        by=("outcome",),
        controls=[name for name in controls if name in external.columns],
        max_lag=max_lag,
        harmonics=harmonics,
        replicates=replicates,
        rng=rng,
    )
    return Screening(tuple(replace(effect, outcome=str(effect.keys["outcome"]), keys={}) for effect in found.effects))
