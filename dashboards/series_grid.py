"""Every external series against every series of the company: what holds, what only moves along, and in words."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboards import charts, data, formats, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

SIGNS = {"supported": "✓", "season only": "◐", "too little data": "…"}


def show() -> None:
    """Write the block, or nothing where no pair has been tested."""
    pairs = data.query("weather_series", language=language())
    if pairs.empty:
        return
    # Nobody in the company decides the weather or the calendar; what else moves along is not yet an effect.
    pairs["along"] = (pairs["verdict"] == "supported") & (pairs["kind"] != "given")
    pairs["outcome_word"] = pairs["outcome"].map(partial(label, "variable"))
    pairs["variable_word"] = [
        label("variable", variable) if formats.is_missing(channel) else t("weather_sales.spend_on", channel=channel)
        for variable, channel in zip(pairs["variable"], pairs["channel_label"], strict=True)
    ]
    pairs["verdict_word"] = [
        t("weather_sales.along") if along else label("verdict", verdict)
        for along, verdict in zip(pairs["along"], pairs["verdict"], strict=True)
    ]
    found, along = int(((pairs["verdict"] == "supported") & ~pairs["along"]).sum()), int(pairs["along"].sum())

    st.subheader(t("weather_sales.series_title"), anchor=False)
    st.caption(t("weather_sales.series_about"))
    _grid(pairs, found, along)
    st.caption(t("weather_sales.series_legend"))
    _sentences(pairs)
    _table(pairs)


def _grid(pairs: pd.DataFrame, found: int, along: int) -> None:
    # Signs only: six columns have to fit on a phone; the tip and the table have the numbers. The colour is that of the
    # slope, not of the correlation, which the season can turn round.
    holds = pairs["verdict"] == "supported"
    grid = pairs.assign(shade=np.sign(pairs["slope_below"]).where(holds, 0.0).fillna(0.0) / 2)
    grid["text"] = [
        f"{'↔' if row.along else SIGNS['supported']}{_direction(row.slope_below, row.slope_above)}"
        if row.verdict == "supported"
        else SIGNS.get(str(row.verdict), "–")
        for row in grid.itertuples(index=False)
    ]
    grid["tip_lag"] = [t("weather_sales.days", days=int(lag)) for lag in grid["lag_days"].fillna(0)]
    grid["tip_correlation"] = grid["correlation"].map(partial(formats.number, digits=2))
    grid["tip_q"] = grid["q_value"].map(formats.probability)
    layout.show(
        charts.heatmap(
            grid,
            x="outcome_word",
            y="variable_word",
            x_angle=-40,
            height=34,
            value="shade",
            text="text",
            domain=(-1, 1),
            tip=[
                ("variable_word", t("column.external")),
                ("outcome_word", t("column.internal")),
                ("verdict_word", t("column.verdict")),
                ("sentence", t("column.in_words")),
                ("tip_lag", t("weather_sales.fact_lag")),
                ("tip_correlation", t("weather_sales.fact_correlation")),
                ("tip_q", t("weather_sales.fact_q")),
            ],
        ),
        alternative=t("weather_sales.series_alt", found=found, along=along, pairs=len(pairs)),
    )


def _direction(below: Any, above: Any) -> str:
    """Up, down, or both in turn."""
    arrows = ["↑" if slope > 0 else "↓" for slope in (below, above) if not formats.is_missing(slope)]
    return "".join(dict.fromkeys(arrows))


def _sentences(pairs: pd.DataFrame) -> None:
    """What holds for one series of the company, in words: a phone has no tips."""
    outcome = layout.choice(
        "outcome",
        list(dict.fromkeys(pairs["outcome"])),
        words=partial(label, "variable"),
        heading="weather_sales.series_choice",
    )
    of_outcome = pairs[(pairs["outcome"] == outcome) & (pairs["verdict"] == "supported")]
    lines = [
        f"- {'↔' if row.along else SIGNS['supported']} {layout.plain(row.sentence)}"
        for row in of_outcome.itertuples(index=False)
        if not formats.is_missing(row.sentence)
    ]
    st.markdown("\n".join(lines) or t("weather_sales.series_nothing"))


def _table(pairs: pd.DataFrame) -> None:
    one = partial(formats.number, digits=1)
    layout.table(
        pairs,
        [
            Column("variable_word", "column.external"),
            Column("outcome_word", "column.internal"),
            Column("verdict_word", "column.verdict"),
            Column("sentence", "column.in_words"),
            Column("lag_days", "column.lag_days", formats.number),
            Column("threshold", "weather_sales.fact_threshold", one),
            Column("threshold_low", "column.low", one),
            Column("threshold_high", "column.high", one),
            Column("slope_below", "weather_sales.fact_below", partial(formats.number, digits=4)),
            Column("slope_above", "weather_sales.fact_above", partial(formats.number, digits=4)),
            Column("correlation", "weather_sales.fact_correlation", partial(formats.number, digits=2)),
            Column("q_value", "weather_sales.fact_q", formats.probability),
            Column("days", "weather_sales.fact_days", formats.number),
        ],
        name="weather_series",
    )
