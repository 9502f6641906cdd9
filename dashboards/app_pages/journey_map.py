"""Which way do people go?"""

from functools import partial

import streamlit as st

from dashboards import (
    answers,
    charts,
    data,
    formats,
    interval_charts,
    journey_compare,
    journey_view,
    journey_what_if,
    layout,
)
from dashboards.journey_view import LINES, STATIONS, WHOLE, hours, segment_words
from dashboards.layout import Column
from dashboards.text import label, t

ALONE = "none"

layout.question("journey_map")
known = data.query("journey_map_windows").set_index("window_name")
windows = layout.windows(known.index)
if not windows:
    layout.empty("journey_map")


def other_words(other: str) -> str:
    """Word what the map is compared with."""
    if other == ALONE:
        return t("journey_map.alone")
    kind, value = other.split(":", 1)
    return segment_words(value) if kind == "segment" else label("window", value)


with layout.filters():
    window = layout.window_choice(windows)
    segments = data.query("journey_map_segments", window_name=window)["segment"].tolist()
    segment = layout.choice(
        "segment", segments, words=segment_words, heading="cji.segment", help_key="journey_map.segment_help"
    )
    others = [f"segment:{name}" for name in segments if name != segment]
    others += [f"window:{name}" for name in windows if name != window]
    against = layout.choice("against", [ALONE, *others], words=other_words, heading="journey_map.against")
    lines = layout.choice(
        "lines", ["main", "all"], words=partial(label, "map_lines"), heading="journey_map.lines", style="buttons"
    )
view = journey_view.read(window, segment) or layout.empty("journey_map")
kind, _, value = against.partition(":")
other = (
    None
    if against == ALONE
    else journey_view.read(window, value)
    if kind == "segment"
    else journey_view.read(value, segment)
)


# --- the answer ------------------------------------------------------------------------------------------------------
start = view.nodes.loc["start"]
sentences = [
    layout.say(
        "journey_map.answer",
        journeys=formats.number(view.journeys),
        first=formats.day(known.at[window, "window_start"]),
        last=formats.day(known.at[window, "window_end"]),
        orders=formats.number(view.orders),
        share=formats.percent(view.orders / view.journeys),
        interval=formats.interval(start, "conversion_probability", formats.percent) or formats.MISSING,
    )
]
is_large = start["verdict"] == "supported"
if view.path and is_large:
    sentences.append(
        layout.say(
            "journey_map.answer_path",
            path=" → ".join(map(view.name, view.path)),
            share=formats.percent(journey_view.probability(view, view.path)),
        )
    )
ends = view.edges[view.edges["to_node"] == "null"]
if len(ends) and ends["n"].max() >= answers.MINIMUM_CELL:
    last = ends.nlargest(1, "n").iloc[0]
    sentences.append(
        layout.say(
            "journey_map.answer_ends",
            station=view.name(last["from_node"]),
            n=formats.number(last["n"]),
            share=formats.percent(last["n"] / ends["n"].sum(), 0),
        )
    )
layout.answer(*sentences, tone="info" if is_large else "quiet")
if not is_large:
    st.caption(t("journey_map.small", minimum=answers.MINIMUM_CELL))

# --- the map ---------------------------------------------------------------------------------------------------------
station = layout.choice(
    "station",
    [WHOLE, *(node for node in view.nodes.index if node not in ("null", "start"))],
    words=lambda node: t("journey_map.whole") if node == WHOLE else view.name(node),
    heading="journey_map.look_at",
)
shown = [view] if other is None else [view, other]
for column, one_view in zip(st.columns(len(shown), gap="medium"), shown, strict=True):
    with column:
        if other is not None:
            st.subheader(layout.plain(one_view.words()), anchor=False)
        journey_view.draw(one_view, lines, station)
        thin = one_view.edges[~one_view.visible]
        st.caption(
            layout.say(
                "journey_map.thin",
                lines=formats.number(len(thin)),
                of=formats.number(len(one_view.edges)),
                limit=answers.MINIMUM_LINE,
                share=formats.percent(thin["n"].sum() / one_view.edges["n"].sum()),
            )
        )
st.caption(t("journey_map.legend"))
layout.table(journey_view.list_lines(view, station), LINES, name="journey_map_lines", opened=station != WHOLE)
layout.table(view.nodes.drop(index="null", errors="ignore"), STATIONS, name="journey_map_stations")

if other is not None:
    journey_compare.show(view, other)

# --- the funnel, and where people went instead -----------------------------------------------------------------------
scope = {"window_name": window, "segment": segment}
funnel = data.query("journey_map_funnel", **scope)
funnel["name"] = funnel["node"].map(view.name)
funnel["text"] = [
    f"{formats.number(row.journeys)} ({formats.percent(row.share_of_start)})" for row in funnel.itertuples(index=False)
]
st.subheader(t("journey_map.funnel_title"), anchor=False)
layout.show(
    charts.bars(funnel, label="name", value="journeys", text="text", highlight=None),
    alternative=t("journey_map.funnel_alt", stages="; ".join(funnel["name"] + " " + funnel["text"])),
)
st.caption(t("journey_map.funnel_note"))
layout.table(
    funnel,
    [
        Column("name", "journey_map.station"),
        Column("journeys", "journey_map.journeys", formats.number),
        Column("share_of_start", "journey_map.share_of_start", formats.percent),
        Column("share_of_start_low", "column.low", formats.percent),
        Column("share_of_start_high", "column.high", formats.percent),
        Column("converted_journeys", "journey_map.ordered", formats.number),
        Column("conversion_share", "journey_map.ordered_share", formats.percent),
        Column("moves", "journey_map.moves_out", formats.number),
        Column("moves_to_conversion", "journey_map.to_order", formats.number),
        Column("moves_to_touchpoint", "journey_map.to_channel", formats.number),
        Column("moves_to_null", "journey_map.to_end", formats.number),
    ],
    name="journey_map_funnel",
)
drop_offs = data.query("journey_map_dropoffs", **scope)
if not drop_offs.empty:
    st.markdown(f"**{t('journey_map.drop_title')}**")
    stages = [node for node in funnel["node"] if node in set(drop_offs["node"])]
    stage = layout.choice("stage", stages, words=view.name, heading="journey_map.stage")
    of_stage = drop_offs[drop_offs["node"] == stage].copy()
    moves = int(funnel.set_index("node")["moves"][stage])
    gone = of_stage.groupby("outcome")["n"].sum()
    st.markdown(
        layout.say(
            "journey_map.drop_answer",
            stage=view.name(stage),
            moves=formats.number(moves),
            onwards=formats.number(moves - gone.sum()),
            lost=formats.number(gone.get("lost", 0)),
            back=formats.number(gone.get("came back", 0)),
            again=formats.number(gone.get("another round", 0)),
        )
    )
    of_stage["name"] = [
        label("drop_outcome", "lost") if outcome == "lost" else f"{view.name(node)} ({label('drop_outcome', outcome)})"
        for node, outcome in zip(of_stage["went_to"], of_stage["outcome"], strict=True)
    ]
    listed = of_stage[of_stage["n"] >= answers.MINIMUM_LINE].assign(
        value=lambda rows: rows["probability"],
        low=lambda rows: rows["probability_low"],
        high=lambda rows: rows["probability_high"],
        text=lambda rows: rows["probability"].map(formats.percent),
        is_found=lambda rows: rows["verdict"] == "supported",
        tip_n=lambda rows: rows["n"].map(formats.number),
    )
    if len(listed):
        listed["tip_interval"] = [
            formats.interval(row, "probability", formats.percent) for row in listed.to_dict("records")
        ]
        layout.show(
            interval_charts.intervals(
                listed,
                axis=t("journey_map.share_of_moves"),
                axis_format=".0%",
                tip=[
                    ("name", t("journey_map.went_to")),
                    ("tip_n", t("journey_map.moves")),
                    ("text", t("journey_map.share_of_moves")),
                    ("tip_interval", t("tip.interval")),
                ],
            ),
            alternative=t(
                "journey_map.drop_alt", stage=view.name(stage), ways="; ".join(listed["name"] + " " + listed["text"])
            ),
        )
    few = of_stage[of_stage["n"] < answers.MINIMUM_LINE]
    if len(few):
        st.caption(
            layout.say(
                "journey_map.drop_thin",
                lines=len(few),
                limit=answers.MINIMUM_LINE,
                share=formats.percent(few["n"].sum() / moves),
            )
        )
    layout.table(
        listed,
        [
            Column("name", "journey_map.went_to"),
            Column("n", "journey_map.moves", formats.number),
            Column("probability", "journey_map.share_of_moves", formats.percent),
            Column("probability_low", "column.low", formats.percent),
            Column("probability_high", "column.high", formats.percent),
            Column("median_gap_hours", "journey_map.median_hours", hours),
            Column("verdict", "column.verdict", words="verdict"),
        ],
        name="journey_map_dropoffs",
    )

journey_what_if.show(view)

# --- what each station contributes -----------------------------------------------------------------------------------
adds = view.nodes[(view.nodes["verdict"] == "supported") & view.nodes["contribution_low"].notna()].drop(
    index="start", errors="ignore"
)
if len(adds):
    st.subheader(t("journey_map.contribution_title"), anchor=False)
    st.caption(t("journey_map.contribution_about"))
    adds = adds.sort_values("contribution", ascending=False).assign(
        value=lambda rows: rows["contribution"],
        low=lambda rows: rows["contribution_low"],
        high=lambda rows: rows["contribution_high"],
        text=lambda rows: rows["contribution"].map(formats.percent),
        is_found=lambda rows: rows["node_kind"] == "micro_conversion",
    )
    adds["tip_interval"] = [formats.interval(row, "contribution", formats.percent) for row in adds.to_dict("records")]
    layout.show(
        interval_charts.intervals(
            adds,
            axis=t("journey_map.contribution"),
            axis_format=".0%",
            tip=[
                ("name", t("journey_map.station")),
                ("text", t("journey_map.contribution")),
                ("tip_interval", t("tip.interval")),
            ],
        ),
        alternative=t("journey_map.contribution_alt", stations="; ".join(adds["name"] + " " + adds["text"])),
    )
    st.caption(t("journey_map.contribution_note"))
    layout.table(
        adds,
        [
            Column("name", "journey_map.station"),
            Column("contribution", "journey_map.contribution", formats.percent),
            Column("contribution_low", "column.low", formats.percent),
            Column("contribution_high", "column.high", formats.percent),
        ],
        name="journey_map_contribution",
    )
