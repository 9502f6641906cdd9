"""How are we doing?"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Literal

import streamlit as st

from dashboards import answers, charts, data, formats, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

layout.question("overview")
first, last = data.covered("overview_bounds") or layout.empty("overview")
currency = data.version().currency


def money(value: Any) -> str:
    return formats.short_money(value, currency)


# name, how it is written, whether more is better (for the colour of the delta)
KPIS: tuple[tuple[str, Callable[[Any], str], Literal["normal", "off"]], ...] = (
    ("sessions", formats.number, "normal"),
    ("orders", formats.number, "normal"),
    ("revenue_eur", money, "normal"),
    ("margin_eur", money, "normal"),
    ("conversion_rate", lambda value: formats.percent(value, 2), "normal"),
    ("cost_eur", money, "off"),
)

with layout.filters():
    start, end = layout.period(first, last)
days = (end - start).days + 1
year_back = timedelta(days=364)  # 52 weeks, so that weekdays meet weekdays
compared = data.query(
    "overview_kpis",
    start=start,
    end=end,
    previous_start=start - timedelta(days=days),
    previous_end=start - timedelta(days=1),
    year_start=start - year_back,
    year_end=end - year_back,
)
# A period the data covers only in part would look like growth.
complete = {row["period"]: row for row in compared.to_dict("records") if row["days"] == days}
now, previous, year = complete["current"], complete.get("previous"), complete.get("year")
daily = data.query("overview_daily", start=start, end=end)
if daily.empty:
    layout.empty("overview", "empty_period")


def sentence() -> str:
    values = {"value": money(now["revenue_eur"]), "start": formats.day(start), "end": formats.day(end)}
    change = None if previous is None else answers.relative(now["revenue_eur"], previous["revenue_eur"])
    if previous is None or change is None:
        return layout.say("overview.answer_alone", **values)
    spread = data.one("overview_swing", start=start, end=end, days=days) or {}
    verdict = answers.swing(days, spread["mean_difference"], spread["standard_error"])
    half = 2 * spread["standard_error"] * days / previous["revenue_eur"] if verdict != "unknown" else None
    return layout.say(
        f"overview.answer_{verdict}",
        change=formats.change(change),
        low=formats.change(change - half) if half is not None else "",
        high=formats.change(change + half) if half is not None else "",
        days=days,
        **values,
    )


low, high = answers.wilson(now["web_conversions"], now["sessions"])
layout.answer(
    sentence(),
    layout.say(
        "overview.answer_conversion",
        rate=formats.percent(now["conversion_rate"], 2),
        low=formats.percent(low, 2),
        high=formats.percent(high, 2),
    )
    if now["sessions"]
    else "",
)

with st.container(key="cards"):
    for name, write, colour in KPIS:
        change = None if previous is None else answers.relative(now[name], previous[name])
        year_change = None if year is None else answers.relative(now[name], year[name])
        series = daily[name].astype(float).dropna()
        with st.container(border=True):
            st.metric(
                t(f"kpi.{name}"),
                write(now[name]),
                formats.change(change) if change is not None else None,
                delta_color=colour,
                delta_description=t("overview.versus_previous") if change is not None else None,
                chart_data=(series.rolling(7, min_periods=1).mean() if days > 45 else series).tolist(),
                help=t(f"kpi_help.{name}"),
            )
            st.caption(
                t("overview.versus_year", change=formats.change(year_change))
                if year_change is not None
                else t("overview.no_year")
            )

left, right = st.columns([2, 3], gap="large")
with left:
    st.subheader(t("overview.cji_title"), anchor=False)
    snapshots = data.covered("cji_bounds", phase_model="journey6")
    scope = {"phase_model": "journey6", "segment": "all", "day": snapshots[1] if snapshots else None}
    index = data.one("cji_index", **scope)
    if index is None or index["cji"] is None:
        st.info(t("overview.cji_empty"), icon=":material/help:")
    else:
        interval = formats.between(index["cji_low"], index["cji_high"])
        words = t("overview.cji_interval", interval=interval) if interval else t("overview.cji_no_interval")
        layout.show(
            charts.gauge(index["cji"], index["cji_low"], index["cji_high"], t("overview.cji_caption")),
            alternative=t("overview.cji_alt", cji=formats.number(index["cji"]), words=words),
        )
        st.markdown(
            layout.say(
                f"overview.cji_{answers.standing(index['cji'], index['cji_low'], index['cji_high'])}",
                cji=formats.number(index["cji"]),
                words=words,
                day=formats.day(scope["day"]),
            )
        )
with right:
    st.subheader(t("overview.act_title"), anchor=False)
    layout.recommendation(data.one("cji_recommendation", language=language(), **scope), "journey6")
    st.page_link("app_pages/cji.py", label=t("overview.to_cji"), icon=":material/arrow_forward:")
    feeds = data.one("overview_freshness") or {"feeds": 0, "fresh": 0, "last_loaded_at": None}
    fresh = feeds["fresh"] == feeds["feeds"]
    st.markdown(
        (":material/check_circle: " if fresh else ":material/warning: ")
        + layout.say(
            "overview.freshness",
            fresh=formats.number(feeds["fresh"]),
            feeds=formats.number(feeds["feeds"]),
            moment=formats.moment(feeds["last_loaded_at"], data.version().timezone),
        )
    )
    st.page_link("app_pages/data_health.py", label=t("overview.to_health"), icon=":material/arrow_forward:")

st.subheader(t("overview.trend_title"), anchor=False)
shown = layout.choice(
    "kpi",
    [name for name, _, _ in KPIS],
    words=lambda name: label("kpi", name),
    heading="overview.trend_choice",
    default="revenue_eur",
    style="buttons",
)
layout.show(
    charts.trend(
        daily,
        day="kpi_date",
        now=shown,
        before=f"{shown}_year",
        now_label=t("overview.series_now"),
        before_label=t("overview.series_year"),
        axis=t(f"kpi.{shown}"),
        axis_format=".1%" if shown == "conversion_rate" else "$,.0f" if shown.endswith("_eur") else ",.0f",
    ),
    alternative=t(
        "overview.trend_alt", kpi=t(f"kpi.{shown}"), start=formats.day(start), end=formats.day(end), days=len(daily)
    ),
)
layout.table(
    daily.sort_values("kpi_date", ascending=False),
    [
        Column("kpi_date", "column.day", formats.day),
        Column("sessions", "kpi.sessions", formats.number),
        Column("orders", "kpi.orders", formats.number),
        Column("revenue_eur", "kpi.revenue_eur", layout.cents),
        Column("margin_eur", "kpi.margin_eur", layout.cents),
        Column("conversion_rate", "kpi.conversion_rate", lambda value: formats.percent(value, 2)),
        Column("cost_eur", "kpi.cost_eur", layout.cents),
        Column("revenue_eur_year", "column.revenue_year", layout.cents),
    ],
    name="overview",
)
