"""The charts of the catalog page: the bridge from matchback to profit, segments with intervals, the cut-off curve."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd

from dashboards.look import finish, ink, palette
from dashboards.text import t


def bridge(steps: pd.DataFrame, *, axis: str) -> alt.LayerChart:
    """Draw one bar per step with its amount beside it and its interval through it.

    Parameters
    ----------
    steps : DataFrame
        `name, start, end, low, high, text, kind` (claimed, given, measured, limit), in the order shown.
    axis : str
        Title of the amounts.
    """
    colours = palette()
    kinds = {"claimed": colours[6], "given": ink("hair"), "measured": colours[0], "limit": colours[1]}
    rows = steps.assign(fill=steps["kind"].map(kinds), label_x=steps[["start", "end", "high"]].max(axis=1))
    ends = rows[["start", "end", "low", "high"]].to_numpy(dtype=float)
    low, high = min(np.nanmin(ends), 0.0), max(np.nanmax(ends), 0.01)
    reach = [low - 0.02 * (high - low) * (low < 0), high + 0.45 * (high - low)]  # room for the amounts, on a phone too
    base = alt.Chart(rows).encode(y=alt.Y("name:N", sort=list(rows["name"]), title=None, axis=alt.Axis(grid=False)))
    bars = base.mark_bar(height=20, cornerRadius=3, stroke=ink("quiet"), strokeWidth=0.5).encode(
        x=alt.X("start:Q", title=axis, axis=alt.Axis(format="$,.0f", tickCount=6), scale=alt.Scale(domain=reach)),
        x2=alt.X2("end:Q"),
        color=alt.Color("fill:N", scale=None),
        tooltip=[alt.Tooltip("name:N", title=axis), alt.Tooltip("text:N", title="")],
    )
    ranges = base.mark_rule(strokeWidth=2.5, color=ink()).encode(x=alt.X("low:Q"), x2=alt.X2("high:Q"))
    words = base.mark_text(align="left", dx=8, fontSize=13, color=ink()).encode(
        x=alt.X("label_x:Q"), text=alt.Text("text:N")
    )
    zero = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(color=ink("quiet")).encode(x=alt.X("x:Q"))
    return finish(bars + zero + ranges + words, alt.Step(38))


def profits(rows: pd.DataFrame, *, axis: str) -> alt.LayerChart:
    """Draw profit per customer of each segment with its interval; what to do is colour, shape and word.

    Parameters
    ----------
    rows : DataFrame
        `name, profit_eur, profit_low_eur, profit_high_eur, advice, tone` (gain, loss, open), in the order shown.
    axis : str
        Title of the amounts.
    """
    colours = palette()
    looks = {
        "gain": (colours[0], "triangle-up"),
        "loss": (colours[1], "triangle-down"),
        "open": (colours[6], "circle"),
    }
    words = dict(zip(rows["advice"], rows["tone"], strict=True))
    colour = alt.Color(
        "advice:N", scale=alt.Scale(domain=list(words), range=[looks[tone][0] for tone in words.values()])
    )
    shape = alt.Shape(
        "advice:N", scale=alt.Scale(domain=list(words), range=[looks[tone][1] for tone in words.values()])
    )
    base = alt.Chart(rows).encode(y=alt.Y("name:N", sort=list(rows["name"]), title=None, axis=alt.Axis(grid=False)))
    bars = base.mark_rule(strokeWidth=4, opacity=0.55).encode(
        x=alt.X("profit_low_eur:Q"), x2=alt.X2("profit_high_eur:Q"), color=colour
    )
    points = base.mark_point(size=150, filled=True, opacity=1).encode(
        x=alt.X("profit_eur:Q", title=axis, axis=alt.Axis(format="$,.0f", tickCount=6)),
        color=colour,
        shape=shape,
        tooltip=[
            alt.Tooltip("name:N", title=t("tip.segment")),
            alt.Tooltip("tip_profit:N", title=axis),
            alt.Tooltip("tip_interval:N", title=t("tip.interval")),
            alt.Tooltip("advice:N", title=t("catalog.advice")),
        ],
    )
    zero = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(color=ink(), strokeDash=[4, 4]).encode(x=alt.X("x:Q"))
    return finish(zero + bars + points, alt.Step(36), legend_columns=3)


def cut_off(curve: pd.DataFrame, *, cut: float, axis: str, share_axis: str) -> alt.LayerChart:
    """Draw profit by share mailed, best first, with its band, and the share whose margin exceeds the cost."""
    colours = palette()
    base = alt.Chart(curve).encode(
        x=alt.X("share:Q", title=share_axis, axis=alt.Axis(format=".0%", grid=False, tickCount=5))
    )
    band = base.mark_area(opacity=0.22, color=colours[0]).encode(y=alt.Y("profit_low:Q"), y2=alt.Y2("profit_high:Q"))
    line = base.mark_line(strokeWidth=3, color=colours[0]).encode(
        y=alt.Y("profit:Q", title=axis, axis=alt.Axis(format="$,.2f", tickCount=5)),
        tooltip=[
            alt.Tooltip("share:Q", title=share_axis, format=".0%"),
            alt.Tooltip("profit:Q", title=axis, format="$,.2f"),
            alt.Tooltip("profit_low:Q", title=t("tip.low"), format="$,.2f"),
            alt.Tooltip("profit_high:Q", title=t("tip.high"), format="$,.2f"),
        ],
    )
    zero = alt.Chart(pd.DataFrame({"y": [0]})).mark_rule(color=ink("quiet")).encode(y=alt.Y("y:Q"))
    here = (
        alt.Chart(pd.DataFrame({"x": [cut]}))
        .mark_rule(color=colours[1], strokeDash=[5, 4], strokeWidth=2)
        .encode(x=alt.X("x:Q"))
    )
    return finish(zero + band + line + here, 320)
