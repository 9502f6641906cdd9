"""Two maps beside each other: where the chance of an order differs, and how surely."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboards import answers, formats, interval_charts, layout
from dashboards.journey_view import View
from dashboards.layout import Column
from dashboards.text import t

_REACH = [f"conversion_probability{end}" for end in ("", "_low", "_high")]
_NAMED = 3


def show(view: View, other: View) -> None:
    """Write the block."""
    st.subheader(t("journey_map.compare_title"), anchor=False)
    compared = compare(view, other)
    compared["text"] = [
        formats.points_between(row.difference, row.difference_low, row.difference_high)
        for row in compared.itertuples(index=False)
    ]
    large = compared[compared["verdict"] != "not enough data"]
    clear = large[large["verdict"] == "supported"].sort_values("difference", key=abs, ascending=False)
    names = (view.words(), other.words())
    layout.answer(
        layout.say("journey_map.compare_answer", first=names[0], second=names[1], clear=len(clear), of=len(large)),
        *(
            layout.say("journey_map.compare_line", station=row["name"], difference=row["text"])
            for row in clear.head(_NAMED).to_dict("records")
        ),
        tone="info" if len(clear) else "quiet",
    )
    if len(large):
        layout.show(
            interval_charts.pairs(
                large,
                groups=names,
                axis=t("journey_map.reach"),
                axis_format=".0%",
                tip=[("name", t("journey_map.station")), ("text", t("journey_map.difference"))],
            ),
            alternative=t("journey_map.compare_alt", differences="; ".join(large["name"] + " " + large["text"])),
        )
    st.caption(t("journey_map.compare_note"))
    share = partial(formats.percent, digits=1)
    layout.table(
        compared,
        [
            Column("name", "journey_map.station"),
            Column("first", "journey_map.this_map", share),
            Column("second", "journey_map.other_map", share),
            Column("difference", "journey_map.difference", share),
            Column("difference_low", "column.low", share),
            Column("difference_high", "column.high", share),
            Column("verdict", "column.verdict", words="verdict"),
        ],
        name="journey_map_compared",
    )


def compare(view: View, other: View) -> pd.DataFrame:
    """The chance of an order from each station of both maps, and the difference with its interval and verdict."""
    both = view.nodes.merge(other.nodes, left_index=True, right_index=True, suffixes=("", "_other"))
    both = both.dropna(subset=[name + side for name in _REACH for side in ("", "_other")])
    rows = []
    for row in both.to_dict("records"):
        first = row[_REACH[0]], row[_REACH[1]], row[_REACH[2]]
        second = row[f"{_REACH[0]}_other"], row[f"{_REACH[1]}_other"], row[f"{_REACH[2]}_other"]
        found = answers.difference(first, second)
        is_small = "not enough data" in (row["verdict"], row["verdict_other"])
        verdict = "not enough data" if is_small else "supported" if found.is_clear else "no clear difference"
        rows.append((row["name"], *first, *second, found.value, found.low, found.high, verdict))
    sides = [f"{side}{end}" for side in ("first", "second") for end in ("", "_low", "_high")]
    return pd.DataFrame(rows, columns=["name", *sides, "difference", "difference_low", "difference_high", "verdict"])
