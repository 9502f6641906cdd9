"""The charts of the customers page: who has which score, and whether it comes true."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboards.look import finish, ink, palette
from dashboards.text import t


def distribution(bands: pd.DataFrame, *, axis: str, units: str, axis_format: str) -> alt.LayerChart:
    """Draw how many units lie in each band of a score.

    Parameters
    ----------
    bands : DataFrame
        `band_low, band_high, units, tip_band, tip_units`.
    axis, units : str
        Titles of the score and of the counts.
    axis_format : str
        Of the score.
    """
    bars = (
        alt.Chart(bands)
        .mark_bar(color=palette()[0], stroke=ink("page"), strokeWidth=1)
        .encode(
            x=alt.X(
                "band_low:Q",
                bin="binned",
                title=axis,
                axis=alt.Axis(format=axis_format, grid=False, tickCount=6),
            ),
            x2=alt.X2("band_high:Q"),
            y=alt.Y("units:Q", title=units, axis=alt.Axis(format=",.0f", tickCount=4)),
            tooltip=[alt.Tooltip("tip_band:N", title=axis), alt.Tooltip("tip_units:N", title=units)],
        )
    )
    return finish(bars, 260)


def calibration(tenths: pd.DataFrame) -> alt.LayerChart:
    """Draw what came true against what was predicted, with intervals, and the diagonal of scores that come true.

    Parameters
    ----------
    tenths : DataFrame
        `predicted, observed, observed_low, observed_high, tip_rows`.
    """
    colours = palette()
    top = float(max(tenths["predicted"].max(), tenths["observed_high"].max()))
    share = alt.Axis(format=".0%", tickCount=5)
    base = alt.Chart(tenths).encode(
        x=alt.X("predicted:Q", title=t("customers.predicted"), axis=share, scale=alt.Scale(domain=[0, top])),
        tooltip=[
            alt.Tooltip("predicted:Q", title=t("customers.predicted"), format=".1%"),
            alt.Tooltip("observed:Q", title=t("customers.observed"), format=".1%"),
            alt.Tooltip("observed_low:Q", title=t("tip.low"), format=".1%"),
            alt.Tooltip("observed_high:Q", title=t("tip.high"), format=".1%"),
            alt.Tooltip("tip_rows:N", title=t("customers.rows")),
        ],
    )
    observed = alt.Y("observed:Q", title=t("customers.observed"), axis=share, scale=alt.Scale(domain=[0, top]))
    ranges = base.mark_rule(strokeWidth=3, opacity=0.5, color=colours[0]).encode(
        y=alt.Y("observed_low:Q"), y2=alt.Y2("observed_high:Q")
    )
    points = base.mark_point(filled=True, size=80, opacity=1, color=colours[0]).encode(y=observed)
    diagonal = (
        alt.Chart(pd.DataFrame({"x": [0.0, top]}))
        .mark_line(strokeDash=[4, 4], color=ink("quiet"))
        .encode(x=alt.X("x:Q"), y=alt.Y("x:Q"))
    )
    return finish(diagonal + ranges + points, 260)
