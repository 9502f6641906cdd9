"""Can I trust this?"""

import os
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import streamlit as st

from dashboards import charts, data, formats, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

version = data.version()
layout.question("data_health")
MOST_DAYS = 2
MARKS = {"ok": "●", "quarantined rows": "◐", "passed": "●"}
moment = partial(formats.moment, timezone=version.timezone)

feeds = data.query("health_freshness")
checks = data.query("health_checks")
quarantine = data.query("health_quarantine")
# Rows kept aside are a matter for the owner of the feed; what the feed brought is there.
late = feeds[~feeds["status"].isin(["ok", "quarantined rows"])]
failed = checks[checks["status"] != "passed"]
rows_in, rows_out = feeds["rows_in"].sum(), feeds["rows_quarantined"].sum()
lost = rows_in - rows_out - feeds["rows_loaded"].sum() - feeds["rows_duplicate"].sum()
stopped = data.stopped()
# Yesterday is the newest day there can be; one more is a run still to come.
age = (datetime.now(ZoneInfo(version.timezone)).date() - version.as_of_date).days if version.as_of_date else 0

if stopped:
    # What is published says nothing of the run that did not get this far.
    st.error(
        layout.say(
            "data_health.stopped",
            moment=moment(stopped.failed_at),
            day=formats.day(version.as_of_date, "long"),
            steps=", ".join(step for step, _ in stopped.steps),
        ),
        icon=":material/front_hand:",
    )
    for _, message in stopped.steps:
        if message:
            st.code(message, language=None, wrap_lines=True)

# --- the answer ------------------------------------------------------------------------------------------------------
layout.answer(
    layout.say("data_health.answer_old", day=formats.day(version.as_of_date, "long"), days=formats.number(age))
    if age > MOST_DAYS and not stopped
    else "",
    layout.say("data_health.answer_fresh", feeds=formats.number(len(feeds)))
    if late.empty
    else layout.say(
        "data_health.answer_late",
        feeds=formats.number(len(feeds)),
        late=", ".join(f"{row.source} ({label('feed_status', row.status)})" for row in late.itertuples(index=False)),
    ),
    layout.say(
        "data_health.answer_rows" if not lost else "data_health.answer_rows_lost",
        rows=formats.number(rows_in),
        quarantined=formats.number(rows_out),
        share=formats.percent(rows_out / rows_in if rows_in else None, 2),
        lost=formats.number(lost),
    ),
    layout.say("data_health.answer_passed", checks=formats.number(len(checks)))
    if failed.empty
    else layout.say(
        "data_health.answer_failed", checks=formats.number(len(checks)), failed=formats.number(len(failed))
    ),
    tone="good" if late.empty and failed.empty and not lost and not stopped and age <= MOST_DAYS else "warn",
)

part = layout.choice(
    "part",
    ["feeds", "deliveries", "checks", "quarantine", "traffic", "definitions"],
    words=partial(label, "health_part"),
    heading="data_health.part",
    style="buttons",
    label_visibility="collapsed",
)
if part == "feeds":
    st.caption(t("data_health.feeds_about"))
    marks = feeds.assign(
        mark=[f"{MARKS.get(status, '▲')} {label('feed_status', status)}" for status in feeds["status"]]
    )
    layout.table(
        marks,
        [
            Column("source", "column.source"),
            Column("entity", "column.entity", words="entity"),
            Column("mark", "column.status"),
            Column("last_event_at", "column.last_event", moment),
            Column("last_loaded_at", "column.last_load", moment),
            Column("rows_loaded", "column.rows_loaded", formats.number),
            Column("rows_quarantined", "column.rows_quarantined", formats.number),
            Column("rows_duplicate", "column.rows_duplicate", formats.number),
            Column("rows_waiting", "column.rows_waiting", formats.number),
            Column("rows_too_late", "column.rows_too_late", formats.number),
            Column("rows_ambiguous", "column.rows_ambiguous", formats.number),
            Column("rows_filtered", "column.rows_filtered", formats.number),
            Column("days_missing", "column.days_missing", formats.number),
            Column("problem", "column.problem"),
        ],
        name="feeds",
        opened=True,
    )
elif part == "deliveries":
    st.caption(t("data_health.deliveries_about"))
    deliveries = data.query("health_deliveries")
    if deliveries.empty:
        st.success(t("data_health.deliveries_all"), icon=":material/check_circle:")
    else:
        remedies = [str(row.problem or t(f"delivery_help.{row.state}")) for row in deliveries.itertuples(index=False)]
        layout.table(
            deliveries.assign(remedy=remedies),
            [
                Column("source", "column.source"),
                Column("entity", "column.entity", words="entity"),
                Column("load_window", "column.load_window"),
                Column("state", "column.delivery_state", words="delivery_state"),
                Column("remedy", "column.problem"),
                Column("has_earlier_rows", "column.has_earlier_rows"),
                Column("checked_at", "column.checked_at", moment),
            ],
            name="deliveries",
            opened=True,
        )
elif part == "checks":
    if failed.empty:
        st.success(t("data_health.checks_passed"), icon=":material/check_circle:")
    st.caption(t("data_health.checks_about"))
    layout.table(
        checks.assign(mark=[f"{MARKS.get(status, '▲')} {label('check', status)}" for status in checks["status"]]),
        [
            Column("mark", "column.status"),
            Column("check_name", "column.check"),
            Column("asset", "column.asset"),
            Column("severity", "column.severity", words="severity"),
            Column("description", "column.description"),
        ],
        name="checks",
        opened=True,
    )
elif part == "quarantine":
    st.caption(t("data_health.quarantine_about"))
    st.code("make replay", language="bash")
    if quarantine.empty:
        st.success(t("data_health.quarantine_empty"), icon=":material/check_circle:")
    else:
        layout.table(
            quarantine,
            [
                Column("source", "column.source"),
                Column("entity", "column.entity", words="entity"),
                Column("reason_code", "column.reason_code"),
                Column("rows_waiting", "column.rows_waiting", formats.number),
                Column("rows_replayed", "column.rows_replayed", formats.number),
                Column("example_reason", "column.example_reason"),
                Column("example_payload", "column.example_payload"),
                Column("first_seen_at", "column.first_seen", moment),
                Column("last_seen_at", "column.last_seen", moment),
            ],
            name="quarantine",
            opened=True,
        )
elif part == "traffic":
    st.caption(t("data_health.traffic_about"))
    days = data.covered("health_bounds")
    if days is None:
        st.info(t("data_health.traffic_empty"), icon=":material/inbox:")
    else:
        start, end = layout.period(*days)
        traffic = data.query("health_traffic", start=start, end=end)
        events = max(traffic["events"].sum(), 1)
        with st.container(key="traffic_cards"):
            for name in ("bot_events", "duplicate_events", "no_consent_events", "late_events", "too_late_events"):
                st.metric(
                    t(f"traffic.{name}"),
                    formats.percent(traffic[name].sum() / events, 2),
                    help=t(f"traffic_help.{name}"),
                    border=True,
                )
        layout.show(
            charts.shares(traffic, day="traffic_date", value="bot_event_share", axis=t("traffic.bot_event_share")),
            alternative=t(
                "data_health.traffic_alt",
                share=formats.percent(traffic["bot_events"].sum() / events),
                start=formats.day(start),
                end=formats.day(end),
            ),
        )
        layout.table(
            traffic.sort_values("traffic_date", ascending=False),
            [
                Column("traffic_date", "column.day", formats.day),
                *(
                    Column(name, f"traffic.{name}", formats.number)
                    for name in (
                        "events",
                        "duplicate_events",
                        "bot_events",
                        "declared_bot_events",
                        "fast_bot_events",
                        "no_consent_events",
                        "late_events",
                        "too_late_events",
                    )
                ),
            ],
            name="traffic",
        )
else:
    st.caption(t("data_health.definitions_about"))
    layout.table(
        data.query("health_definitions", language=language()),
        [
            Column("name", "column.metric"),
            Column("formula", "column.formula"),
            Column("unit", "column.unit"),
            Column("owner", "column.owner"),
            Column("caveat", "column.caveat"),
        ],
        name="definitions",
        opened=True,
    )

with st.container(horizontal=True, vertical_alignment="center", key="engine_room"):
    address = os.environ.get("NETZPLAN_DAGSTER_URL", "http://127.0.0.1:3000")
    st.link_button(t("data_health.to_dagster"), address, icon=":material/account_tree:")
    st.caption(layout.say("data_health.version", run=version.run_id, data=version.data_version))
