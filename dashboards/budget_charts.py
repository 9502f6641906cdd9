"""The charts of the budget page: a response curve with its band, and a split beside the one proposed."""

from __future__ import annotations

import altair as alt
import pandas as pd

from dashboards.look import finish, ink, palette
from dashboards.text import t


def response_curve(curve: pd.DataFrame, marks: pd.DataFrame, *, x_axis: str, y_axis: str) -> alt.LayerChart:
    """Draw what a channel brings at each level of spend; dashed where it never spent as much.

    Parameters
    ----------
    curve : DataFrame
        `spend`, `response`, `response_low`, `response_high`, `is_observed`.
    marks : DataFrame
        Points on the curve: `spend`, `response`, `what` (a word), `tip_spend`, `tip_response`.
    """
    colours = palette()
    x = alt.X("spend:Q", title=x_axis, axis=alt.Axis(grid=False, tickCount=6, format="$,.0f"))
    y = alt.Y("response:Q", title=y_axis, axis=alt.Axis(tickCount=5, format=",.0f"))
    base = alt.Chart(curve).encode(x=x)
    band = base.mark_area(opacity=0.2, color=colours[0]).encode(
        y=alt.Y("response_low:Q", title=y_axis), y2=alt.Y2("response_high:Q")
    )
    whole = base.mark_line(strokeWidth=2, strokeDash=[5, 4], color=colours[0]).encode(y=y)
    seen = alt.Chart(curve[curve["is_observed"]]).encode(x=x, y=y).mark_line(strokeWidth=3, color=colours[0])
    domain = list(marks["what"])
    points = (
        alt.Chart(marks)
        .mark_point(size=150, filled=True, opacity=1, stroke=ink("page"), strokeWidth=1.5)
        .encode(
            x=x,
            y=y,
            color=alt.Color("what:N", scale=alt.Scale(domain=domain, range=[ink("quiet"), colours[1]][: len(domain)])),
            shape=alt.Shape("what:N", scale=alt.Scale(domain=domain, range=["circle", "diamond"][: len(domain)])),
            tooltip=[
                alt.Tooltip("what:N", title=t("budget.split")),
                alt.Tooltip("tip_spend:N", title=x_axis),
                alt.Tooltip("tip_response:N", title=y_axis),
            ],
        )
    )
    return finish(band + whole + seen + points, 320)


def split(frame: pd.DataFrame, *, order: list[str], axis: str) -> alt.LayerChart:
    """Draw two bars per channel, spend now and proposed, with the amounts written beside them.

    Parameters
    ----------
    frame : DataFrame
        `name`, `what` (now or proposed, a word), `spend`, `text`.
    """
    colours, domain = palette(), list(dict.fromkeys(frame["what"]))
    reach = [0, 1.3 * max(float(frame["spend"].max()), 1.0)]  # room for the amounts, on a phone too
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(grid=False), scale=alt.Scale(paddingInner=0.3)),
        yOffset=alt.YOffset("what:N", sort=domain),
        x=alt.X("spend:Q", title=axis, axis=alt.Axis(tickCount=4, format="$,.0f"), scale=alt.Scale(domain=reach)),
    )
    bars = base.mark_bar(cornerRadiusEnd=3).encode(
        color=alt.Color("what:N", sort=domain, scale=alt.Scale(domain=domain, range=[colours[6], colours[1]])),
        tooltip=[
            alt.Tooltip("name:N", title=t("tip.channel")),
            alt.Tooltip("what:N", title=t("budget.split")),
            alt.Tooltip("text:N", title=axis),
        ],
    )
    words = base.mark_text(align="left", dx=5, fontSize=12, color=ink()).encode(text=alt.Text("text:N"))
    return finish(bars + words, 70 + 52 * len(order))
