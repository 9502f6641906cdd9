"""Where should the next euro go?"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from dashboards import budget_charts, charts, data, formats, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

SCENARIOS = ("same budget", "10 % less", "10 % more", "25 % more")
MONTH = 30  # days; the published amounts are per day
METHODS = ("attribution", "model", "experiment")

layout.question("budget")
channels = data.query("budget_channels", language=language())
if channels.empty:
    layout.empty("budget")
outcome = str(channels.iloc[0]["outcome"])
unit = label("budget_outcome", outcome)
share = channels.iloc[0]["margin_share"]
worth = partial(formats.number, digits=0) if outcome == "orders" else layout.whole_money
rate = partial(formats.number, digits=2)


def ninety(values: np.ndarray, write: Any) -> str:
    """The middle 90 % of draws."""
    low, high = np.quantile(values, (0.05, 0.95))
    return formats.between(float(low), float(high), write)


with layout.filters():
    scenario = layout.choice(
        "scenario", SCENARIOS, words=partial(label, "budget_scenario"), heading="budget.scenario", style="buttons"
    )
proposal = data.query("budget_allocation", scenario=scenario, language=language())
total = proposal.iloc[0]
kept = list(proposal.loc[~proposal["is_moved"], "name"])
moves = proposal.assign(change=(proposal["proposed_spend"] - proposal["current_spend"]) * MONTH)
moves = moves[moves["change"].abs() >= 0.5].sort_values("change", key=np.abs, ascending=False)

# --- the answer ------------------------------------------------------------------------------------------------------
lines = []
if total["verdict"] in ("supported", "no clear gain"):
    changes = ", ".join(
        f"{name} {'+' if change > 0 else ''}{formats.number(change)}"
        for name, change in zip(moves["name"], moves["change"], strict=True)
    )
    gain = float(total["total_gain"]) * MONTH
    lines.append(
        layout.say(
            f"budget.answer_{'gain' if total['verdict'] == 'supported' else 'unclear'}",
            changes=changes or formats.MISSING,
            gain=worth(gain),
            interval=formats.between(total["total_gain_low"] * MONTH, total["total_gain_high"] * MONTH, worth),
            unit=unit,
        )
    )
    cost = float(proposal["proposed_spend"].sum() - proposal["current_spend"].sum()) * MONTH
    if not formats.is_missing(share) and abs(cost) >= 1:
        lines.append(layout.say("budget.profit", profit=layout.whole_money(gain * share - cost)))
else:
    movable = list(proposal.loc[proposal["is_moved"], "name"])
    key = "best" if total["verdict"] == "already the best split" else "one" if len(movable) == 1 else "none"
    lines.append(layout.say(f"budget.answer_{key}", channel=", ".join(movable)))
if kept:
    lines.append(layout.say("budget.kept", channels=", ".join(kept)))
layout.answer(*lines, tone="good" if total["verdict"] == "supported" else "quiet")

# --- now and proposed ------------------------------------------------------------------------------------------------
st.subheader(t("budget.split_title"), anchor=False)
bars = pd.concat(
    [
        proposal.assign(what=t(f"budget.{what}"), spend=proposal[f"{column}_spend"] * MONTH)
        for what, column in (("now", "current"), ("proposed", "proposed"))
    ]
)
bars["text"] = bars["spend"].map(layout.whole_money)
layout.show(
    budget_charts.split(bars, order=list(proposal["name"]), axis=t("budget.spend_axis")),
    alternative=t(
        "budget.split_alt", channels="; ".join(f"{row['name']}: {row['text']}" for _, row in bars.iterrows())
    ),
)
monthly = [
    name for name in proposal.columns if name.endswith(("_spend", "_limit", "_response")) or name.startswith("gain")
]
shown = proposal.assign(**{name: proposal[name] * MONTH for name in monthly})
shown["gain_interval"] = [formats.interval(row, "gain", worth) for _, row in shown.iterrows()]
layout.table(
    shown,
    [
        Column("name", "level.channel"),
        Column("current_spend", "budget.now", layout.whole_money),
        Column("proposed_spend", "budget.proposed", layout.whole_money),
        Column("lower_limit", "budget.lower_limit", layout.whole_money),
        Column("upper_limit", "budget.upper_limit", layout.whole_money),
        Column("gain", "budget.gain", worth),
        Column("gain_interval", "column.interval90"),
    ],
    name="budget_split",
)

# --- response curves -------------------------------------------------------------------------------------------------
st.subheader(t("budget.curve_title"), anchor=False)
names = dict(zip(channels["channel"], channels["name"], strict=True))
known_first = channels.sort_values("is_identified", ascending=False, kind="stable")["channel"]
channel = layout.choice(
    "channel", list(names), words=lambda name: names[name], heading="level.channel", default=str(known_first.iloc[0])
)
about = channels[channels["channel"] == channel].iloc[0]
curve = data.query("budget_curve", channel=channel)
if curve.empty:
    st.info(t("budget.no_curve"), icon=":material/inbox:")
else:
    for name in ("spend_eur", "response", "response_low", "response_high"):
        curve[name] *= MONTH
    curve = curve.rename(columns={"spend_eur": "spend"})
    mine = shown[shown["channel"] == channel].iloc[0]
    points = pd.DataFrame(
        {
            "what": [t("budget.now"), t("budget.proposed")],
            "spend": [mine["current_spend"], mine["proposed_spend"]],
        }
    )
    points["response"] = np.interp(points["spend"], curve["spend"], curve["response"])
    points["tip_spend"], points["tip_response"] = points["spend"].map(layout.whole_money), points["response"].map(worth)
    layout.show(
        budget_charts.response_curve(
            curve,
            points if about["is_identified"] else points.head(1),
            x_axis=t("budget.spend_axis"),
            y_axis=t("budget.response_axis", unit=unit),
        ),
        alternative=t(
            "budget.curve_alt",
            channel=names[channel],
            roas=rate(about["roas"]),
            verdict=label("verdict", about["verdict"]),
        ),
    )
    reason = label("budget_reason", about["reason"])
    st.caption(
        f"**{layout.plain(label('verdict', about['verdict']))}:** {layout.plain(reason)}. {t('budget.curve_note')}"
    )
    layout.table(
        curve,
        [
            Column("spend", "budget.spend_axis", layout.whole_money),
            Column("response", "budget.response", worth),
            Column("response_low", "column.low", worth),
            Column("response_high", "column.high", worth),
            Column("marginal_return", "budget.marginal", rate),
        ],
        name="budget_curve",
    )

# --- what if ---------------------------------------------------------------------------------------------------------
st.subheader(t("budget.what_if_title"), anchor=False)
free = shown[shown["is_moved"] & (shown["upper_limit"] > shown["lower_limit"] + 1)]
if free.empty:
    st.info(t("budget.what_if_empty"), icon=":material/science:")
else:
    st.caption(t("budget.what_if_about"))
    draws = data.query("budget_draws")

    def take(column: str) -> None:
        """Set the sliders to a column of the proposal."""
        for _, one in free.iterrows():
            st.session_state[f"spend_{one['channel']}"] = round(float(one[column]))

    with st.container(horizontal=True, gap="small"):
        st.button(t("budget.take_now"), on_click=take, args=("current_spend",), icon=":material/undo:")
        st.button(t("budget.take_proposal"), on_click=take, args=("proposed_spend",), icon=":material/auto_awesome:")
    change, spent = np.zeros(1), 0.0
    with st.container(key="sliders"):
        for _, one in free.iterrows():
            low, high = int(np.ceil(one["lower_limit"])), int(np.floor(one["upper_limit"]))
            now = min(max(round(float(one["current_spend"])), low), high)
            chosen = st.slider(
                one["name"],
                low,
                high,
                now,
                step=max(1, round((high - low) / 200)),
                key=f"spend_{one['channel']}",
                format="localized",
                help=t("budget.slider_help", now=layout.whole_money(one["current_spend"])),
            )
            part = draws[draws["channel"] == one["channel"]]
            levels = np.sort(part["spend_eur"].unique()) * MONTH
            table = part["response"].to_numpy().reshape(-1, len(levels)) * MONTH
            change = change + np.array([np.interp(chosen, levels, row) - np.interp(now, levels, row) for row in table])
            spent += chosen - now
    with st.container(key="facts"):
        facts = [
            ("what_if_spend", layout.whole_money(spent), ""),
            ("what_if_gain", worth(float(np.mean(change))), ninety(change, worth)),
        ]
        if not formats.is_missing(share):
            profits = np.asarray(change) * share - spent
            low_high = ninety(profits, layout.whole_money)
            facts.append(("what_if_profit", layout.whole_money(float(np.mean(profits))), low_high))
        for name, value, note in facts:
            with st.container(border=True):
                st.metric(t(f"budget.{name}", unit=unit), value)
                st.caption(layout.say("budget.interval90", interval=note) if note else "\N{NO-BREAK SPACE}")

# --- what each channel brought ---------------------------------------------------------------------------------------
st.subheader(t("budget.channels_title"), anchor=False)
channels["roas_interval"] = [formats.interval(row, "roas", rate) for _, row in channels.iterrows()]
channels["marginal_interval"] = [formats.interval(row, "marginal_roas", rate) for _, row in channels.iterrows()]
channels["monthly"] = channels["spend"] * MONTH
channels["verdict_word"] = channels["verdict"].map(partial(label, "verdict"))
channels["reason_word"] = channels["reason"].map(partial(label, "budget_reason"))
layout.table(
    channels,
    [
        Column("name", "level.channel"),
        Column("monthly", "budget.spend_axis", layout.whole_money),
        Column("roas", "column.roas", rate),
        Column("roas_interval", "column.interval90"),
        Column("marginal_roas", "budget.marginal", rate),
        Column("marginal_interval", "budget.marginal_interval"),
        Column("verdict_word", "column.verdict"),
        Column("reason_word", "budget.reason"),
    ],
    name="budget_channels",
    opened=True,
)
st.caption(
    layout.say(
        "budget.channels_note",
        days=formats.number(about["days"]),
        first=formats.day(about["first_date"]),
        last=formats.day(about["last_date"]),
    )
)

# --- three ways to measure the same ----------------------------------------------------------------------------------
st.subheader(t("budget.compare_title"), anchor=False)
compared = data.query("budget_reconciliation", language=language())
if compared.empty:
    st.info(t("budget.compare_empty"), icon=":material/inbox:")
    st.stop()
parts = [
    compared[["name"]].assign(
        model_word=t(f"budget.method_{method}"),
        value=compared[f"{method}_roas"],
        low=compared[f"{method}_roas_low"],
        high=compared[f"{method}_roas_high"],
    )
    for method in METHODS
]
marks = pd.concat(parts).dropna(subset=["value"])
marks["tip_value"] = marks["value"].map(rate)
marks["tip_interval"] = [formats.between(a, b, rate) for a, b in zip(marks["low"], marks["high"], strict=True)]
layout.show(
    charts.models(
        marks,
        value="value",
        low="low",
        high="high",
        order=list(compared["name"]),
        model_words=[t(f"budget.method_{method}") for method in METHODS],
        axis=t("column.roas"),
        axis_format=",.1f",
        per_mark=16,
    ),
    alternative=t("budget.compare_alt", channels=", ".join(compared["name"])),
)
compared["verdict_word"] = compared["verdict"].map(partial(label, "budget_verdict"))
for method in METHODS:
    compared[f"{method}_interval"] = [formats.interval(row, f"{method}_roas", rate) for _, row in compared.iterrows()]
layout.table(
    compared,
    [
        Column("name", "level.channel"),
        Column("cost_eur", "kpi.cost_eur", layout.whole_money),
        Column("attribution_interval", "budget.method_attribution"),
        Column("model_interval", "budget.method_model"),
        Column("experiment_interval", "budget.method_experiment"),
        Column("verdict_word", "column.verdict"),
    ],
    name="budget_comparison",
    opened=True,
)
st.caption(t("budget.compare_note"))
