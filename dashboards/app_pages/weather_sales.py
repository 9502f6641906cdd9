"""What does weather do to sales?"""

from functools import partial

import streamlit as st

from dashboards import charts, data, formats, layout, series_grid
from dashboards.layout import Column
from dashboards.text import label, language, t

VERDICTS = ("supported", "season only", "too little data")

layout.question("weather_sales")
effects = data.query("weather_effects", language=language())
if effects.empty:
    series_grid.show()
    layout.empty("weather_sales")

with layout.filters():
    region = layout.choice(
        "region", list(dict.fromkeys(effects["region"])), words=partial(label, "region"), heading="weather_sales.region"
    )
    there = effects[effects["region"] == region]
    # The strongest supported finding first: the page opens on what there is to see.
    best = there.assign(rank=(there["verdict"] != "supported"), q=there["q_value"].fillna(1)).sort_values(["rank", "q"])
    category = layout.choice(
        "category",
        list(dict.fromkeys(there["category"])),
        words=partial(label, "category"),
        heading="weather_sales.category",
        default=str(best.iloc[0]["category"]),
        always_in_url=True,
    )
    here = there[there["category"] == category]
    strongest = best[best["category"] == category].iloc[0]
    variable = layout.choice(
        "variable",
        list(dict.fromkeys(here["variable"])),
        words=partial(label, "variable"),
        heading="weather_sales.variable",
        default=str(strongest["variable"]),
        always_in_url=True,
    )
effect = here[here["variable"] == variable].iloc[0]
is_supported = effect["verdict"] == "supported"
has_turn = is_supported and not formats.is_missing(effect["threshold"])

# --- the answer ------------------------------------------------------------------------------------------------------
found = int((there["verdict"] == "supported").sum())
sentence = effect["sentence"]
lag = int(effect["lag_days"]) if not formats.is_missing(effect["lag_days"]) else 0
layout.answer(
    f"**{layout.plain(label('verdict', effect['verdict']))}** — "
    + (layout.plain(sentence) if not formats.is_missing(sentence) else t("weather_sales.no_sentence")),
    layout.say("weather_sales.found", found=found, pairs=len(there)),
    tone="good" if is_supported else "quiet",
)

points = data.query("weather_points", category=category, region=region, variable=variable, lag_days=lag)
points = points.dropna(subset=["x", "units"])
curve = data.query("weather_curve", category=category, region=region, variable=variable, lag_days=lag)
words = label("variable", variable)
st.subheader(
    layout.say("weather_sales.scatter_title", category=label("category", category), variable=words), anchor=False
)
if points.empty:
    st.info(t("weather_sales.no_points"), icon=":material/inbox:")
else:
    points["tip_day"] = points["sale_date"].map(formats.day)
    limits = [
        None if formats.is_missing(effect[name]) else float(effect[name])
        for name in ("threshold", "threshold_low", "threshold_high")
    ]
    layout.show(
        charts.scatter_curve(
            points,
            curve,
            y="units",
            x_axis=words if not lag else t("weather_sales.axis_lag", variable=words, days=lag),
            y_axis=t("weather_sales.units"),
            threshold=limits[0],
            threshold_low=limits[1],
            threshold_high=limits[2],
            with_curve=is_supported,
        ),
        alternative=t(
            "weather_sales.scatter_alt",
            days=len(points),
            category=label("category", category),
            variable=words,
            verdict=label("verdict", effect["verdict"]),
        ),
    )
    st.caption(t(f"weather_sales.{'curve_note' if has_turn else 'line_note' if is_supported else 'no_curve_note'}"))

one = partial(formats.number, digits=1)
found_facts = (("threshold", "threshold"), ("below", "slope_below"), ("above", "slope_above"), ("slope", "slope_below"))
facts = [
    (
        f"fact_{name}",
        one(effect[column]),
        layout.say(
            "weather_sales.interval", interval=formats.between(effect[f"{column}_low"], effect[f"{column}_high"], one)
        ),
    )
    for name, column in (found_facts[:3] if has_turn else found_facts[3:] if is_supported else ())
]
if is_supported:
    facts.append(("fact_lag", t("weather_sales.days", days=lag), ""))
beyond = layout.say("weather_sales.beyond", days=formats.number(effect["days_beyond"])) if has_turn else ""
facts += [
    ("fact_days", formats.number(effect["days"]), beyond),
    ("fact_correlation", formats.number(effect["correlation"], 2), ""),
    ("fact_q", formats.probability(effect["q_value"]), ""),
]
with st.container(key="facts"):
    for name, value, note in facts:
        with st.container(border=True):
            st.metric(t(f"weather_sales.{name}"), value, help=t(f"weather_sales.{name}_help"))
            st.caption(note or "\N{NO-BREAK SPACE}")
layout.table(
    points.sort_values("sale_date", ascending=False),
    [
        Column("sale_date", "column.day", formats.day),
        Column("x", "column.weather", partial(formats.number, digits=1)),
        Column("units", "weather_sales.units", formats.number),
        Column("revenue_eur", "measure.revenue", layout.cents),
        Column("is_holiday", "column.holiday", lambda value: t("table.yes" if value else "table.no")),
    ],
    name="weather_points",
)

# --- every category and variable -------------------------------------------------------------------------------------
st.subheader(t("weather_sales.grid_title"), anchor=False)
st.caption(t("weather_sales.grid_about"))
grid = there.copy()
signs = {"supported": "✓", "season only": "◐", "too little data": "…"}
grid["category_word"] = grid["category"].map(partial(label, "category"))
grid["variable_word"] = grid["variable"].map(partial(label, "variable"))
grid["verdict_word"] = grid["verdict"].map(partial(label, "verdict"))
# Colour only where the finding holds; elsewhere the cell stays neutral and its sign says why.
grid["shade"] = grid["correlation"].where(grid["verdict"] == "supported", 0.0)
grid["text"] = [
    f"{signs.get(str(row.verdict), '–')} {formats.number(row.correlation, 2)}" for row in grid.itertuples(index=False)
]
grid["tip_threshold"] = grid["threshold"].map(partial(formats.number, digits=1))
grid["tip_correlation"] = grid["correlation"].map(partial(formats.number, digits=2))
grid["tip_q"] = grid["q_value"].map(formats.probability)
layout.show(
    charts.heatmap(
        grid,
        x="variable_word",
        y="category_word",
        x_angle=-40,
        value="shade",
        text="text",
        domain=(-1, 1),
        tip=[
            ("category_word", t("weather_sales.category")),
            ("variable_word", t("weather_sales.variable")),
            ("verdict_word", t("column.verdict")),
            ("tip_correlation", t("weather_sales.fact_correlation")),
            ("tip_threshold", t("weather_sales.fact_threshold")),
            ("tip_q", t("weather_sales.fact_q")),
        ],
    ),
    alternative=t("weather_sales.grid_alt", found=found, pairs=len(there)),
)
st.caption(t("weather_sales.grid_legend"))
layout.table(
    grid,
    [
        Column("category_word", "weather_sales.category"),
        Column("variable_word", "weather_sales.variable"),
        Column("verdict_word", "column.verdict"),
        Column("threshold", "weather_sales.fact_threshold", one),
        Column("threshold_low", "column.low", one),
        Column("threshold_high", "column.high", one),
        Column("slope_below", "weather_sales.fact_below", one),
        Column("slope_above", "weather_sales.fact_above", one),
        Column("lag_days", "column.lag_days", formats.number),
        Column("correlation", "weather_sales.fact_correlation", partial(formats.number, digits=2)),
        Column("q_value", "weather_sales.fact_q", formats.probability),
        Column("days", "weather_sales.fact_days", formats.number),
        Column("days_beyond", "column.days_beyond", formats.number),
    ],
    name="weather_effects",
)

# --- every external against every internal series --------------------------------------------------------------------
series_grid.show()
