"""The charts: Altair for intervals, trends, curves and heat maps, ECharts for the gauge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from dashboards import formats
from dashboards.look import SHAPES, below_above, finish, ink, palette
from dashboards.text import t

BENCHMARK = 50


def trend(
    frame: pd.DataFrame,
    *,
    day: str,
    now: str,
    before: str,
    now_label: str,
    before_label: str,
    axis: str,
    axis_format: str,
) -> alt.LayerChart:
    """Draw a daily series as faint points with its 7-day mean, beside the year before as a dashed line."""
    colours = palette()
    rows = frame.assign(
        mean=frame[now].rolling(7, min_periods=4, center=True).mean(),
        mean_before=frame[before].rolling(7, min_periods=4, center=True).mean(),
        tip_day=frame[day].map(formats.day),
    )
    base = alt.Chart(rows).encode(
        x=alt.X(f"{day}:T", title=None, axis=alt.Axis(grid=False, tickCount=6, format="%d.%m.%y"))
    )
    y = alt.Y(f"{now}:Q", title=axis, axis=alt.Axis(format=axis_format, tickCount=5))
    tip = [
        alt.Tooltip("tip_day:N", title=t("tip.day")),
        alt.Tooltip(f"{now}:Q", title=now_label, format=axis_format),
        alt.Tooltip(f"{before}:Q", title=before_label, format=axis_format),
    ]
    scale = alt.Scale(domain=[now_label, before_label], range=[colours[0], colours[6]])
    dashes = alt.Scale(domain=[now_label, before_label], range=[[1, 0], [5, 4]])
    points = base.mark_circle(size=22, opacity=0.35, color=colours[0]).encode(y=y, tooltip=tip)
    lines = (
        alt.Chart(
            pd.concat(
                [
                    rows[[day, "mean"]].rename(columns={"mean": "value"}).assign(series=now_label),
                    rows[[day, "mean_before"]].rename(columns={"mean_before": "value"}).assign(series=before_label),
                ]
            )
        )
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(f"{day}:T"),
            y=alt.Y("value:Q"),
            color=alt.Color("series:N", scale=scale),
            strokeDash=alt.StrokeDash("series:N", scale=dashes),
        )
    )
    return finish(lines + points, 280, legend_columns=1)


def score_intervals(frame: pd.DataFrame, *, label: str, tip: Sequence[tuple[str, str]]) -> alt.LayerChart:
    """Draw scores from 0 to 100 with their intervals against the benchmark of 50.

    Parameters
    ----------
    frame : DataFrame
        Columns `label`, `score`, `score_low`, `score_high`, `standing` (a word: below, at or above).
    label : str
        Column of the category axis, kept in the frame's order.
    tip : sequence of (str, str)
        Column and heading of each line of the tooltip.
    """
    colours = palette()
    looks = {
        t("standing.below"): (colours[1], "triangle-down"),
        t("standing.at"): (colours[6], "circle"),
        t("standing.above"): (colours[0], "triangle-up"),
        t("standing.unsure"): (colours[6], "diamond"),
    }
    present = {word: look for word, look in looks.items() if word in set(frame["standing"])}
    encode = {
        "color": alt.Color(
            "standing:N", scale=alt.Scale(domain=list(present), range=[colour for colour, _ in present.values()])
        ),
        "shape": alt.Shape(
            "standing:N", scale=alt.Scale(domain=list(present), range=[shape for _, shape in present.values()])
        ),
    }
    base = alt.Chart(frame).encode(
        y=alt.Y(f"{label}:N", sort=list(frame[label]), title=None, axis=alt.Axis(grid=False)),
        tooltip=[alt.Tooltip(f"{column}:N", title=heading) for column, heading in tip],
    )
    x = alt.X(
        "score:Q",
        scale=alt.Scale(domain=[0, 100]),
        title=t("cji.axis_score"),
        axis=alt.Axis(values=[0, 25, 50, 75, 100]),
    )
    track = base.mark_bar(height=6, opacity=0.5, color=ink("hair"), cornerRadius=3).encode(
        x=alt.XValue(0), x2=alt.X2Value("width")
    )
    bars = base.mark_rule(strokeWidth=4, opacity=0.55, strokeCap="round").encode(
        x=alt.X("score_low:Q"), x2=alt.X2("score_high:Q"), color=encode["color"]
    )
    points = base.mark_point(size=170, filled=True, opacity=1).encode(x=x, **encode)
    # The page's colour around a number keeps the benchmark line from crossing it out.
    halo = base.mark_text(
        dy=-15, fontSize=13, fontWeight="bold", stroke=ink("page"), strokeWidth=5, strokeJoin="round", color=ink("page")
    ).encode(x=x, text=alt.Text("score:Q", format=".0f"))
    numbers = base.mark_text(dy=-15, fontSize=13, fontWeight="bold", color=ink()).encode(
        x=x, text=alt.Text("score:Q", format=".0f")
    )
    line = (
        alt.Chart(pd.DataFrame({"x": [BENCHMARK]}))
        .mark_rule(strokeDash=[4, 4], strokeWidth=1.5, color=ink("quiet"))
        .encode(x=alt.X("x:Q"))
    )
    return finish(track + line + bars + points + halo + numbers, alt.Step(54))


def band(frame: pd.DataFrame, *, x: str, y: str, low: str, high: str, axis: str, x_type: str = "T") -> alt.LayerChart:
    """Draw a line with its interval as a band and the benchmark of 50."""
    colour = palette()[0]
    rows = frame.assign(tip_day=frame[x].map(formats.day))
    base = alt.Chart(rows).encode(
        x=alt.X(f"{x}:{x_type}", title=None, axis=alt.Axis(grid=False, tickCount=6, format="%d.%m.%y"))
    )
    # A little air around the band and the benchmark: on 0 to 100 every movement would look flat.
    reach = max(
        8.0, *(abs(frame[column] - BENCHMARK).max() for column in (y, low, high) if frame[column].notna().any())
    )
    scale = alt.Scale(domain=[max(0, BENCHMARK - reach * 1.15), min(100, BENCHMARK + reach * 1.15)], nice=True)
    area = base.mark_area(opacity=0.22, color=colour).encode(
        y=alt.Y(f"{low}:Q", scale=scale, title=axis), y2=alt.Y2(f"{high}:Q")
    )
    line = base.mark_line(strokeWidth=2.5, color=colour).encode(
        y=alt.Y(f"{y}:Q", scale=scale),
        tooltip=[
            alt.Tooltip("tip_day:N", title=t("tip.day")),
            alt.Tooltip(f"{y}:Q", title=axis, format=".1f"),
            alt.Tooltip(f"{low}:Q", title=t("tip.low"), format=".1f"),
            alt.Tooltip(f"{high}:Q", title=t("tip.high"), format=".1f"),
        ],
    )
    benchmark = (
        alt.Chart(pd.DataFrame({"y": [BENCHMARK]}))
        .mark_rule(strokeDash=[4, 4], color=ink("quiet"))
        .encode(y=alt.Y("y:Q"))
    )
    return finish(area + benchmark + line, 260)


def heatmap(
    frame: pd.DataFrame,
    *,
    x: str,
    y: str,
    value: str,
    text: str,
    domain: tuple[float, float],
    tip: Sequence[tuple[str, str]],
    middle: float | None = None,
    x_angle: int = 0,
    height: int = 42,
) -> alt.LayerChart:
    """Draw a grid of numbers coloured around a middle; the number is in the cell, so colour is never alone."""
    x_sort, y_sort = list(dict.fromkeys(frame[x])), list(dict.fromkeys(frame[y]))
    low, high = domain
    centre = (low + high) / 2 if middle is None else middle

    def grid(rows: pd.DataFrame) -> alt.Chart:
        axis = alt.Axis(orient="top", labelAngle=x_angle, labelLimit=150, labelOverlap=False, grid=False)
        return alt.Chart(rows).encode(
            x=alt.X(f"{x}:N", sort=x_sort, title=None, axis=axis),
            y=alt.Y(f"{y}:N", sort=y_sort, title=None, axis=alt.Axis(grid=False)),
            tooltip=[alt.Tooltip(f"{column}:N", title=heading) for column, heading in tip],
        )

    scale = alt.Scale(
        domain=[low, (low + centre) / 2, centre, (centre + high) / 2, high],
        range=below_above(),
        clamp=True,
        interpolate="rgb",
    )
    cells = (
        grid(frame)
        .mark_rect(cornerRadius=4, stroke=ink("page"), strokeWidth=2)
        .encode(color=alt.Color(f"{value}:Q", scale=scale, legend=None))
    )
    is_strong = (frame[value] - centre).abs() > 0.36 * (high - low)
    words = [
        grid(rows).mark_text(fontSize=12, color=colour).encode(text=alt.Text(f"{text}:N"))
        for rows, colour in ((frame[~is_strong], ink()), (frame[is_strong], "#ffffff"))
        if not rows.empty
    ]
    return finish(alt.LayerChart(layer=[cells, *words]), alt.Step(height))


def models(
    frame: pd.DataFrame,
    *,
    value: str,
    low: str,
    high: str,
    order: Sequence[str],
    model_words: Sequence[str],
    axis: str,
    axis_format: str,
    per_mark: int = 9,
) -> alt.LayerChart:
    """Draw what each model credits to each channel, one row per channel, one mark per model, intervals where known."""
    colours = palette()
    domain = list(model_words)
    base = alt.Chart(frame).encode(
        y=alt.Y("name:N", sort=list(order), title=None, axis=alt.Axis(grid=False), scale=alt.Scale(paddingInner=0.25)),
        yOffset=alt.YOffset("model_word:N", sort=domain),
    )
    colour = alt.Color("model_word:N", sort=domain, scale=alt.Scale(domain=domain, range=colours[: len(domain)]))
    shape = alt.Shape("model_word:N", sort=domain, scale=alt.Scale(domain=domain, range=SHAPES[: len(domain)]))
    span = (
        alt.Chart(frame)
        .mark_bar(opacity=0.13, color=ink("quiet"), cornerRadius=6)
        .encode(
            y=alt.Y("name:N", sort=list(order), title=None),
            x=alt.X(f"min({value}):Q", title=axis),
            x2=alt.X2(f"max({value}):Q"),
        )
    )
    bars = base.mark_rule(strokeWidth=3, opacity=0.5).encode(x=alt.X(f"{low}:Q"), x2=alt.X2(f"{high}:Q"), color=colour)
    points = base.mark_point(size=70, filled=True, opacity=1).encode(
        x=alt.X(f"{value}:Q", title=axis, axis=alt.Axis(format=axis_format, tickCount=6)),
        color=colour,
        shape=shape,
        tooltip=[
            alt.Tooltip("name:N", title=t("tip.channel")),
            alt.Tooltip("model_word:N", title=t("tip.model")),
            alt.Tooltip("tip_value:N", title=axis),
            alt.Tooltip("tip_interval:N", title=t("tip.interval")),
        ],
    )
    # The axis and the legend, two models to a line, take their place from the height.
    around = 70 + 22 * ((len(domain) + 1) // 2)
    return finish(span + bars + points, around + max(120, len(order) * (len(domain) * per_mark + 10)))


def scatter_curve(
    points: pd.DataFrame,
    curve: pd.DataFrame,
    *,
    y: str,
    x_axis: str,
    y_axis: str,
    threshold: float | None,
    threshold_low: float | None,
    threshold_high: float | None,
    with_curve: bool,
) -> alt.LayerChart:
    """Draw days as points, the fitted curve with its band, and the turning point with its interval."""
    colours = palette()
    layers: list[alt.Chart] = []
    if threshold is not None and with_curve:
        if threshold_low is not None and threshold_high is not None:
            layers.append(
                alt.Chart(pd.DataFrame({"x": [threshold_low], "x2": [threshold_high]}))
                .mark_rect(opacity=0.12, color=colours[1])
                .encode(x=alt.X("x:Q"), x2=alt.X2("x2:Q"))
            )
        layers.append(
            alt.Chart(pd.DataFrame({"x": [threshold]}))
            .mark_rule(color=colours[1], strokeDash=[5, 4])
            .encode(x=alt.X("x:Q"))
        )
    layers.append(
        alt.Chart(points)
        .mark_circle(size=34, opacity=0.38, color=colours[6])
        .encode(
            x=alt.X(
                "x:Q", title=x_axis, scale=alt.Scale(zero=False, nice=True), axis=alt.Axis(grid=False, tickCount=8)
            ),
            y=alt.Y(f"{y}:Q", title=y_axis, axis=alt.Axis(format=",.0f", tickCount=5)),
            tooltip=[
                alt.Tooltip("tip_day:N", title=t("tip.day")),
                alt.Tooltip("x:Q", title=x_axis, format=".1f"),
                alt.Tooltip(f"{y}:Q", title=y_axis, format=",.0f"),
            ],
        )
    )
    if with_curve and not curve.empty:
        fitted = alt.Chart(curve).encode(x=alt.X("x:Q"))
        layers.append(
            fitted.mark_area(opacity=0.25, color=colours[0]).encode(y=alt.Y("y_low:Q"), y2=alt.Y2("y_high:Q"))
        )
        layers.append(fitted.mark_line(strokeWidth=3, color=colours[0]).encode(y=alt.Y("y_fitted:Q")))
    drawn = alt.layer(*layers)
    assert isinstance(drawn, alt.LayerChart)  # a facet only comes of faceted layers
    return finish(drawn, 380)


def gauge(value: float, low: float | None, high: float | None, caption: str) -> dict[str, Any]:
    """Return the ECharts option of the CJI: the index, its interval as an arc, the benchmark at 50."""
    colours = palette()
    tone = (
        colours[0]
        if low is not None and low > BENCHMARK
        else colours[1]
        if high is not None and high < BENCHMARK
        else colours[6]
    )
    track = ink("hair")
    ring = (
        [[low / 100, track], [high / 100, tone], [1, track]] if low is not None and high is not None else [[1, track]]
    )
    arc = {"type": "gauge", "min": 0, "max": 100, "startAngle": 200, "endAngle": -20, "center": ["50%", "62%"]}
    return {
        "animation": False,
        "series": [
            {
                **arc,
                "radius": "96%",
                "axisLine": {"lineStyle": {"width": 20, "color": ring}},
                "splitNumber": 4,
                "axisTick": {"show": False},
                "splitLine": {"length": 20, "distance": -20, "lineStyle": {"color": ink("quiet"), "width": 1}},
                "axisLabel": {"distance": -34, "color": ink("quiet"), "fontSize": 12},
                "pointer": {"width": 5, "length": "62%", "itemStyle": {"color": ink()}},
                "anchor": {"show": True, "size": 12, "itemStyle": {"color": ink()}},
                "title": {"offsetCenter": [0, "58%"], "color": ink("quiet"), "fontSize": 14},
                "detail": {
                    "offsetCenter": [0, "34%"],
                    "color": ink(),
                    "fontSize": 34,
                    "fontWeight": "bold",
                    "formatter": formats.number(value, 0),
                },
                "data": [{"value": round(value, 1), "name": caption}],
            }
        ],
    }


def shares(frame: pd.DataFrame, *, day: str, value: str, axis: str) -> alt.LayerChart:
    """Draw a daily share as an area from zero."""
    colour = palette()[0]
    rows = frame.assign(tip_day=frame[day].map(formats.day), tip=frame[value].map(formats.percent))
    chart = (
        alt.Chart(rows)
        .mark_area(opacity=0.25, color=colour, line={"color": colour, "strokeWidth": 2})
        .encode(
            x=alt.X(f"{day}:T", title=None, axis=alt.Axis(grid=False, tickCount=6, format="%d.%m.%y")),
            y=alt.Y(f"{value}:Q", title=axis, axis=alt.Axis(format=".0%", tickCount=4), scale=alt.Scale(domainMin=0)),
            tooltip=[alt.Tooltip("tip_day:N", title=t("tip.day")), alt.Tooltip("tip:N", title=axis)],
        )
    )
    return finish(chart, 220)


def bars(frame: pd.DataFrame, *, label: str, value: str, text: str, highlight: str | None) -> alt.LayerChart:
    """Draw one bar per row with its amount written beside it; the one to look at is filled."""
    colours = palette()
    rows = frame.assign(fill=(frame[label] == highlight).map({True: colours[1], False: colours[6]}))
    base = alt.Chart(rows).encode(
        y=alt.Y(f"{label}:N", sort=list(frame[label]), title=None, axis=alt.Axis(grid=False)),
        # A third of a phone's width is room enough for the words.
        x=alt.X(f"{value}:Q", title=None, axis=None, scale=alt.Scale(domain=[0, 1.6 * float(frame[value].max())])),
    )
    amounts = base.mark_bar(height=18, cornerRadiusEnd=4).encode(color=alt.Color("fill:N", scale=None))
    words = base.mark_text(align="left", dx=6, fontSize=13, color=ink()).encode(text=alt.Text(f"{text}:N"))
    return finish(amounts + words, alt.Step(40))
