"""In which phase do we lose them?"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import answers, charts, data, formats, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

Writer = Callable[[Any], str]
SPANS = ("91", "364", "all")

layout.question("cji")
segment_words = partial(layout.segment_words, everyone="cji.everyone")

with layout.filters():
    phase_model = layout.choice(
        "model",
        ["journey6", "akanoo2018", *(["b2b6"] if "b2b6" in data.query("cji_models")["phase_model"].tolist() else [])],
        words=partial(label, "phase_model"),
        heading="cji.phase_model",
        help_key="cji.phase_model_help",
    )
    first, last = data.covered("cji_bounds", phase_model=phase_model) or layout.empty("cji")
    day = layout.single_day(first, last, "cji.day")
    segments = data.query("cji_segments", phase_model=phase_model, day=day)
    if segments.empty:
        layout.empty("cji", "empty_day")
    segment = layout.choice(
        "segment", segments["segment"].tolist(), words=segment_words, heading="cji.segment", help_key="cji.segment_help"
    )

scope = {"phase_model": phase_model, "segment": segment, "day": day}
phases = data.query("cji_phases", **scope)
index = data.one("cji_index", **scope) or layout.empty("cji", "empty_day")
advice = data.one("cji_recommendation", language=language(), **scope)
phases["name"] = [f"{phase} {label(f'phase.{phase_model}', phase)}" for phase in phases["phase"]]
phases["standing_key"] = [
    answers.standing(row.score, row.score_low, row.score_high) for row in phases.itertuples(index=False)
]
phases["standing"] = phases["standing_key"].map(partial(label, "standing"))

# --- the answer ------------------------------------------------------------------------------------------------------
if index["cji"] is None:
    layout.answer(layout.say("cji.answer_too_small", visits=formats.number(index["visits"])), tone="quiet")
else:
    interval = formats.between(index["cji_low"], index["cji_high"])
    values = {
        "cji": formats.number(index["cji"]),
        "interval": interval,
        "visits": formats.number(index["visits"]),
        "segment": segment_words(segment),
    }
    below = phases[phases["standing_key"] == "below"]
    layout.answer(
        layout.say("cji.answer_index" if interval else "cji.answer_index_plain", **values),
        layout.say("cji.answer_below", phases=", ".join(below["name"]))
        if not below.empty
        else t("cji.answer_no_interval" if (phases["standing_key"] == "unsure").any() else "cji.answer_none_below"),
    )

# --- incidents: what broke, since when -------------------------------------------------------------------------------
incidents = data.query("cji_incidents", **scope)
for row in incidents[incidents["is_open"].astype(bool)].to_dict("records"):
    st.warning(
        layout.say(
            "cji.incident_open",
            start=formats.day(row["first_day"]),
            segment=segment_words(row["segment"]),
            phase=f"{row['phase']} {label(f'phase.{phase_model}', row['phase'])}",
            share=formats.percent(row["progress_share"]),
            normal=formats.percent(row["normal_share"]),
            lost=formats.number(row["lost_progress"]),
        ),
        icon=":material/report:",
    )
verdict = (data.one("cji_predictive", phase_model=phase_model) or {}).get("verdict")
st.caption(t("cji.is_predictive" if verdict == "predictive" else "cji.is_descriptive"))

left, right = st.columns([3, 2], gap="large")
with left:
    st.subheader(t("cji.scores_title"), anchor=False)
    scored = phases.dropna(subset=["score"]).copy()
    scored["tip_interval"] = [
        formats.between(row.score_low, row.score_high, partial(formats.number, digits=1)) or formats.MISSING
        for row in scored.itertuples(index=False)
    ]
    scored["tip_score"] = scored["score"].map(partial(formats.number, digits=1))
    scored["tip_visits"] = scored["visits"].map(formats.number)
    scored["tip_progress"] = scored["progress_share"].map(formats.percent)
    if scored.empty:
        st.info(t("cji.no_scores"), icon=":material/help:")
    else:
        layout.show(
            charts.score_intervals(
                scored,
                label="name",
                tip=[
                    ("name", t("tip.phase")),
                    ("tip_score", t("cji.axis_score")),
                    ("tip_interval", t("tip.interval")),
                    ("standing", t("cji.against_benchmark")),
                    ("tip_visits", t("column.visits_reached")),
                    ("tip_progress", t("column.progress_share")),
                ],
            ),
            alternative=t(
                "cji.scores_alt",
                scores="; ".join(f"{row.name} {formats.number(row.score)}" for row in scored.itertuples(index=False)),
            ),
        )
    small = phases[phases["is_small"].fillna(False).astype(bool)]
    if not small.empty:
        st.caption(layout.say("cji.small", phases=", ".join(small["name"])))
with right:
    st.subheader(t("cji.money_title"), anchor=False)
    layout.recommendation(advice, phase_model)
    money = phases.dropna(subset=["money_at_stake_eur"]).copy()
    if not money.empty and money["money_at_stake_eur"].sum() > 0:
        money["text"] = money["money_at_stake_eur"].map(layout.whole_money)
        top = advice["phase"] if advice and advice["verdict"] == "act" else None
        layout.show(
            charts.bars(
                money,
                label="name",
                value="money_at_stake_eur",
                text="text",
                highlight=None if top is None else f"{top} {label(f'phase.{phase_model}', top)}",
            ),
            alternative=t(
                "cji.money_alt", money="; ".join(f"{row.name} {row.text}" for row in money.itertuples(index=False))
            ),
        )
        st.caption(t("cji.money_note"))
layout.table(
    phases,
    [
        Column("name", "column.phase"),
        Column("score", "cji.axis_score", partial(formats.number, digits=1)),
        Column("score_low", "column.low", partial(formats.number, digits=1)),
        Column("score_high", "column.high", partial(formats.number, digits=1)),
        Column("standing", "cji.against_benchmark"),
        Column("visits", "column.visits_reached", formats.number),
        Column("progress_share", "column.progress_share", formats.percent),
        Column("money_at_stake_eur", "column.money_at_stake", layout.whole_money),
    ],
    name="cji_phases",
)

# --- the four parameters ---------------------------------------------------------------------------------------------
st.subheader(t("cji.parameters_title"), anchor=False)
st.caption(t("cji.parameters_about"))


MEASURED: dict[str, tuple[str, str, Writer]] = {
    "time": ("time_seconds", "time_benchmark_seconds", lambda value: f"{formats.number(value)} s"),
    "pageviews": ("pageviews", "pageviews_benchmark", partial(formats.number, digits=1)),
    "visits": ("progress_share", "progress_benchmark_share", formats.percent),
    "comeback": ("comeback_share", "comeback_benchmark_share", formats.percent),
}


def written(value: Any, write: Writer) -> str:
    """Write a value in its unit, or the dash alone."""
    return formats.MISSING if formats.is_missing(value) else write(value)


parameters = pd.DataFrame(
    [
        {
            "phase": row["name"],
            "parameter": label("parameter", parameter),
            "index": row[f"{parameter}_index"],
            "text": formats.number(row[f"{parameter}_index"]),
            "measured": written(row[value], write),
            "benchmark": written(row[benchmark], write),
        }
        for row in phases.to_dict("records")
        for parameter, (value, benchmark, write) in MEASURED.items()
    ]
)
layout.show(
    charts.heatmap(
        parameters,
        x="parameter",
        y="phase",
        value="index",
        text="text",
        domain=(0, 100),
        tip=[
            ("phase", t("tip.phase")),
            ("parameter", t("tip.parameter")),
            ("text", t("tip.index")),
            ("measured", t("tip.measured")),
            ("benchmark", t("tip.benchmark")),
        ],
    ),
    alternative=t("cji.parameters_alt"),
)
layout.table(
    parameters,
    [
        Column("phase", "column.phase"),
        Column("parameter", "column.parameter"),
        Column("index", "tip.index", partial(formats.number, digits=1)),
        Column("measured", "tip.measured"),
        Column("benchmark", "tip.benchmark"),
    ],
    name="cji_parameters",
)

# --- may time and page views be judged at all? -----------------------------------------------------------------------
directions = data.query("cji_directions", phase_model=phase_model)
if not directions.empty:
    directions["phase_name"] = [f"{phase} {label(f'phase.{phase_model}', phase)}" for phase in directions["phase"]]
    directions["parameter_name"] = directions["parameter"].map(partial(label, "parameter"))
    directions["claim"] = directions["direction"].map(lambda value: t("cji.more_good" if value > 0 else "cji.more_bad"))
    directions["verdict_words"] = directions["verdict"].map(partial(label, "direction_verdict"))
    dropped = directions[~directions["verdict"].isin(["supported", "not testable"])]
    names = ", ".join(f"{row.phase_name} ({row.parameter_name})" for row in dropped.itertuples(index=False))
    st.caption(layout.say("cji.directions_dropped", names=names) if names else t("cji.directions_kept"))
    layout.table(
        directions,
        [
            Column("phase_name", "column.phase"),
            Column("parameter_name", "column.parameter"),
            Column("claim", "cji.direction_claim"),
            Column("verdict_words", "column.verdict"),
            Column("log_odds", "cji.direction_log_odds", partial(formats.number, digits=2)),
            Column("log_odds_low", "column.low", partial(formats.number, digits=2)),
            Column("log_odds_high", "column.high", partial(formats.number, digits=2)),
            Column("visits", "column.visits_reached", formats.number),
        ],
        name="cji_directions",
    )

# --- over time -------------------------------------------------------------------------------------------------------
st.subheader(t("cji.trend_title"), anchor=False)


def line_words(line: str) -> str:
    """Word the choice between the whole index and one phase."""
    return t("cji.line_index") if line == "index" else f"{line} {label(f'phase.{phase_model}', line)}"


with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
    span = layout.choice("span", SPANS, words=partial(label, "span"), heading="cji.span", style="buttons")
    line = layout.choice(
        "line", ["index", *(str(phase) for phase in phases["phase"])], words=line_words, heading="cji.line"
    )
start = first if span == "all" else max(first, day - timedelta(days=int(span)))
series = (
    data.query("cji_trend", start=start, **scope)
    if line == "index"
    else data.query("cji_phase_trend", start=start, phase=line, **scope)
)
series = series.dropna(subset=["cji"])
if len(series) < 2:
    st.info(t("cji.trend_empty"), icon=":material/timeline:")
else:
    layout.show(
        charts.band(series, x="snapshot_date", y="cji", low="cji_low", high="cji_high", axis=line_words(line)),
        alternative=t(
            "cji.trend_alt",
            line=line_words(line),
            first=formats.number(series.iloc[0]["cji"]),
            start=formats.day(series.iloc[0]["snapshot_date"]),
            last=formats.number(series.iloc[-1]["cji"]),
            end=formats.day(series.iloc[-1]["snapshot_date"]),
        ),
    )
    layout.table(
        series.sort_values("snapshot_date", ascending=False),
        [
            Column("snapshot_date", "column.day", formats.day),
            Column("cji", "cji.axis_score", partial(formats.number, digits=1)),
            Column("cji_low", "column.low", partial(formats.number, digits=1)),
            Column("cji_high", "column.high", partial(formats.number, digits=1)),
            Column("visits", "kpi.sessions", formats.number),
        ],
        name="cji_trend",
    )

# --- incidents of the year --------------------------------------------------------------------------------------------
if not incidents.empty:
    st.subheader(t("cji.incidents_title"), anchor=False)
    st.caption(t("cji.incidents_about"))
    incidents["phase_name"] = [f"{phase} {label(f'phase.{phase_model}', phase)}" for phase in incidents["phase"]]
    incidents["segment_name"] = incidents["segment"].map(segment_words)
    layout.table(
        incidents,
        [
            Column("first_day", "cji.incident_first", formats.day),
            Column("last_day", "cji.incident_last", formats.day),
            Column("segment_name", "tip.segment"),
            Column("phase_name", "column.phase"),
            Column("progress_share", "column.progress_share", formats.percent),
            Column("normal_share", "cji.incident_normal", formats.percent),
            Column("visits", "column.visits_reached", formats.number),
            Column("lost_progress", "cji.incident_lost", formats.number),
            Column("lost_value", "cji.incident_value", layout.whole_money),
        ],
        name="cji_incidents",
        opened=True,
    )

# --- where the weakness sits -----------------------------------------------------------------------------------------
st.subheader(t("cji.compare_title"), anchor=False)
dimension = layout.choice(
    "by", ["device", "channel", "visitor"], words=partial(label, "dimension"), heading="cji.compare_by", style="buttons"
)
grid = data.query("cji_heatmap", phase_model=phase_model, dimension=dimension, day=day)
grid["phase_name"] = [f"{phase} {label(f'phase.{phase_model}', phase)}" for phase in grid["phase"]]
grid["segment_name"] = grid["segment"].map(segment_words)
grid["text"] = grid["score"].map(formats.number)
grid["interval"] = [
    formats.between(row.score_low, row.score_high) or formats.MISSING for row in grid.itertuples(index=False)
]
grid["tip_visits"] = grid["visits"].map(formats.number)
layout.show(
    charts.heatmap(
        grid,
        x="phase_name",
        y="segment_name",
        x_angle=-40,
        value="score",
        text="text",
        domain=(0, 100),
        tip=[
            ("segment_name", t("tip.segment")),
            ("phase_name", t("tip.phase")),
            ("text", t("cji.axis_score")),
            ("interval", t("tip.interval")),
            ("tip_visits", t("column.visits_reached")),
        ],
    ),
    alternative=t("cji.compare_alt", dimension=label("dimension", dimension)),
)
layout.table(
    grid,
    [
        Column("segment_name", "tip.segment"),
        Column("phase_name", "column.phase"),
        Column("score", "cji.axis_score", partial(formats.number, digits=1)),
        Column("score_low", "column.low", partial(formats.number, digits=1)),
        Column("score_high", "column.high", partial(formats.number, digits=1)),
        Column("visits", "column.visits_reached", formats.number),
    ],
    name="cji_segments",
)
