"""Values with their 95 % intervals, one row each: single ones, or two groups side by side."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt
import pandas as pd

from dashboards.look import finish, ink, palette


def intervals(
    rows: pd.DataFrame, *, axis: str, axis_format: str, tip: Sequence[tuple[str, str]], with_zero: bool = False
) -> alt.LayerChart:
    """Draw one value with its interval per row; findings are filled, the rest is hollow.

    Parameters
    ----------
    rows : DataFrame
        `name, value, low, high, text, is_found`, in the order shown.
    """
    colours = palette()
    # Supported and open findings differ by colour and by shape.
    looks = rows.assign(
        fill=rows["is_found"].map({True: colours[0], False: colours[6]}),
        form=rows["is_found"].map({True: "circle", False: "diamond"}),
    )
    base = alt.Chart(looks).encode(
        y=alt.Y("name:N", sort=list(rows["name"]), title=None, axis=alt.Axis(grid=False, labelLimit=220)),
        tooltip=[alt.Tooltip(f"{column}:N", title=heading) for column, heading in tip],
    )
    ranges = base.mark_rule(strokeWidth=4, opacity=0.5, strokeCap="round").encode(
        x=alt.X("low:Q"), x2=alt.X2("high:Q"), color=alt.Color("fill:N", scale=None)
    )
    points = base.mark_point(filled=True, size=140, opacity=1).encode(
        x=alt.X("value:Q", title=axis, axis=alt.Axis(format=axis_format, tickCount=6)),
        color=alt.Color("fill:N", scale=None),
        shape=alt.Shape("form:N", scale=None),
    )
    words = base.mark_text(dy=-14, fontSize=12, color=ink()).encode(x=alt.X("value:Q"), text=alt.Text("text:N"))
    layers = [ranges, points, words]
    if with_zero:
        zero = alt.Chart(pd.DataFrame({"x": [0]})).mark_rule(color=ink("quiet"), strokeDash=[4, 4])
        layers.insert(0, zero.encode(x=alt.X("x:Q")))
    return finish(alt.LayerChart(layer=layers), alt.Step(48))


def pairs(
    rows: pd.DataFrame, *, groups: tuple[str, str], axis: str, axis_format: str, tip: Sequence[tuple[str, str]]
) -> alt.LayerChart:
    """Draw two groups' values with their intervals per row, and the difference in words above.

    Parameters
    ----------
    rows : DataFrame
        `name, first, first_low, first_high, second, second_low, second_high, text`, in the order shown.
    groups : tuple of str
        Names of the two; they differ by colour and by shape.
    """
    order, domain = list(rows["name"]), list(groups)
    colour = alt.Scale(domain=domain, range=palette()[:2])
    shape = alt.Scale(domain=domain, range=["circle", "diamond"])
    layers: list[alt.Chart] = []
    for side, group, place in zip(("first", "second"), groups, (-1, 11), strict=True):
        base = alt.Chart(rows.assign(group=group)).encode(
            y=alt.Y("name:N", sort=order, title=None, axis=alt.Axis(grid=False, labelLimit=150)),
            color=alt.Color("group:N", sort=domain, scale=colour),
            tooltip=[alt.Tooltip(f"{column}:N", title=heading) for column, heading in tip],
        )
        layers += [
            base.mark_rule(strokeWidth=4, opacity=0.45, strokeCap="round", yOffset=place).encode(
                x=alt.X(f"{side}_low:Q"), x2=alt.X2(f"{side}_high:Q")
            ),
            base.mark_point(filled=True, size=100, opacity=1, yOffset=place).encode(
                x=alt.X(f"{side}:Q", title=axis, axis=alt.Axis(format=axis_format, tickCount=5)),
                shape=alt.Shape("group:N", sort=domain, scale=shape),
            ),
        ]
    words = (
        alt.Chart(rows)
        .mark_text(align="left", dy=-16, fontSize=12, color=ink("quiet"))
        .encode(y=alt.Y("name:N", sort=order), x=alt.value(4), text=alt.Text("text:N"))
    )
    return finish(alt.LayerChart(layer=[*layers, words]), alt.Step(48))
