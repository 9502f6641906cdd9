"""Which channel earned it?"""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import answers, charts, data, formats, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

MODELS = ["first", "last", "last_non_direct", "linear", "position", "time_decay", "markov", "shapley"]
MEASURES: dict[str, tuple[str, str, str, Callable[[Any], str], str]] = {
    "share": ("share", "share_low", "share_high", formats.percent, ".0%"),
    "conversions": ("conversions", "conversions_low", "conversions_high", partial(formats.number, digits=1), ",.0f"),
    "revenue": ("revenue_eur", "revenue_low", "revenue_high", layout.whole_money, "$,.0f"),
}
CAMPAIGNS_SHOWN = 15

layout.question("attribution")
windows: dict[str, tuple[date, date]] = {
    row["window_name"]: (row["window_start"].date(), row["window_end"].date())
    for row in data.query("attribution_windows").to_dict("records")
}
ready = layout.windows(windows)
if not windows:
    layout.empty("attribution")

with layout.filters():
    window = layout.window_choice([*ready, *(["free"] if "day" in windows else [])])
    if window == "free":
        start, end = layout.free_range(*windows["day"], layout.last_days(*windows["day"], 28))
    else:
        start, end = windows[window]
    measure = layout.choice(
        "measure", list(MEASURES), words=partial(label, "measure"), heading="attribution.measure", style="buttons"
    )
    level = layout.choice(
        "level", ["channel", "campaign"], words=partial(label, "level"), heading="attribution.level", style="buttons"
    )

if window == "free":
    credits = data.query("attribution_range", level=level, language=language(), start=start, end=end)
else:
    credits = data.query("attribution_credits", level=level, language=language(), window_name=window)
if credits.empty or not credits["conversions"].sum() > 0:
    layout.empty("attribution", "empty_window")


def names(frame: pd.DataFrame) -> pd.Series:
    """Channel, or campaign and channel; without a campaign of its own a contact stays with its channel."""
    if level == "channel":
        return frame["channel_label"]
    return (frame["campaign_name"] + " (" + frame["channel_label"] + ")").fillna(frame["channel_label"])


credits["name"] = names(credits)
known = [model for model in MODELS if model in set(credits["model"])] + sorted(set(credits["model"]) - set(MODELS))
credits["model_word"] = credits["model"].map(partial(label, "model"))

# --- the answer ------------------------------------------------------------------------------------------------------
largest = credits.groupby("name")["conversions"].max()
few = list(largest[(largest > 0) & (largest < answers.MINIMUM_CELL)].index)
verdict = answers.agreement(credits[~credits["name"].isin(few)])
totals = credits.groupby("model")[["conversions", "revenue_eur"]].sum()
reference = "linear" if "linear" in totals.index else known[0]
span = {
    "start": formats.day(start),
    "end": formats.day(end),
    "orders": formats.number(totals.loc[reference, "conversions"]),
    "revenue": layout.whole_money(totals.loc[reference, "revenue_eur"]),
}
if not verdict.leaders:
    first_line = layout.say("attribution.answer_few", minimum=answers.MINIMUM_CELL, **span)
elif len(verdict.leaders) == 1:
    lead = credits.loc[credits["name"] == verdict.leaders[0], "share"]
    first_line = layout.say(
        "attribution.answer_agreed",
        channel=verdict.leaders[0],
        share=" – ".join(dict.fromkeys(formats.percent(share, 0) for share in (lead.min(), lead.max()))),
        **span,
    )
else:
    named = [
        t(
            "attribution.leader",
            channel=leader,
            models=", ".join(label("model", model) for model in known if verdict.top.get(model) == leader),
        )
        for leader in verdict.leaders
    ]
    first_line = layout.say("attribution.answer_split", leaders="; ".join(named), **span)
disputes = [
    layout.say(
        "attribution.dispute",
        channel=row.name_,
        low=formats.percent(row.low, 0),
        low_model=label("model", row.low_model),
        high=formats.percent(row.high, 0),
        high_model=label("model", row.high_model),
    )
    for row in verdict.disputed.rename(columns={"name": "name_"}).head(3).itertuples(index=False)
]
layout.answer(
    first_line,
    *disputes,
    tone="warn" if len(verdict.leaders) > 1 or disputes else "info" if verdict.leaders else "quiet",
)
if window == "free":
    st.caption(t("attribution.free_note"))
st.caption(t("attribution.not_causal"))

# --- all models side by side -----------------------------------------------------------------------------------------
value, low, high, write, axis_format = MEASURES[measure]
shown = credits.copy()
order = shown.groupby("name")[value].mean().sort_values(ascending=False)
order = order[order > 0]
ranked = [name for name in order.index if name not in few]
kept = ranked[:CAMPAIGNS_SHOWN] or list(order.index[:CAMPAIGNS_SHOWN])
shown = shown[shown["name"].isin(kept)]
shown["tip_value"] = shown[value].map(write)
shown["tip_interval"] = [
    formats.between(a, b, write) or formats.MISSING for a, b in zip(shown[low], shown[high], strict=True)
]
st.subheader(t("attribution.chart_title"), anchor=False)
layout.show(
    charts.models(
        shown,
        value=value,
        low=low,
        high=high,
        order=kept,
        model_words=[label("model", model) for model in known],
        axis=label("measure", measure),
        axis_format=axis_format,
    ),
    alternative=t(
        "attribution.chart_alt",
        channels="; ".join(
            f"{name}: {formats.between(part[value].min(), part[value].max(), write)}"
            for name, part in shown.groupby("name", sort=False)
        ),
    ),
)
if len(ranked) > len(kept):
    st.caption(layout.say("attribution.shortened", shown=len(kept), total=len(ranked)))
if few:
    st.caption(layout.say("attribution.few", channels=", ".join(few[:8]) + (" …" if len(few) > 8 else "")))
if credits[low].notna().any():
    st.caption(t("attribution.interval_note"))
wide = credits.pivot_table(index="name", columns="model_word", values=value, aggfunc="sum").reindex(order.index)
wide = wide[[label("model", model) for model in known]].reset_index()
measured = pd.DataFrame()
if window != "free":
    measured = data.query("attribution_measured", level=level, language=language(), window_name=window)
    measured["name"] = names(measured)
    measured["measured"] = [
        label("verdict", row.verdict)
        if row.verdict == "not enough data"
        else f"{formats.number(row.conversions)} ({formats.between(row.conversions_low, row.conversions_high)})"
        for row in measured.itertuples(index=False)
    ]
    wide = wide.merge(measured[["name", "measured"]], on="name", how="left")
layout.table(
    wide,
    [
        Column("name", f"level.{level}"),
        *(Column(label("model", model), f"model.{model}", write) for model in known),
        *([Column("measured", "column.measured")] if window != "free" else []),
    ],
    name="attribution",
)

# --- what experiments say --------------------------------------------------------------------------------------------
if window != "free":
    st.subheader(t("attribution.measured_title"), anchor=False)
    if measured.empty:
        st.info(t("attribution.measured_empty"), icon=":material/science:")
    else:
        by_name = credits.groupby("name")["conversions"].agg(["min", "max"]).reindex(measured["name"])
        measured["credited"] = [
            formats.between(low_, high_) or formats.MISSING
            for low_, high_ in zip(by_name["min"], by_name["max"], strict=True)
        ]
        measured["verdict_word"] = measured["verdict"].map(partial(label, "verdict"))
        layout.table(
            measured,
            [
                Column("name", f"level.{level}"),
                Column("credited", "column.credited"),
                Column("measured", "column.measured"),
                Column("treated_units", "column.treated_units", formats.number),
                Column("experiments", "column.experiments", formats.number),
                Column("verdict_word", "column.verdict"),
            ],
            name="measured",
            opened=True,
        )
        st.caption(t("attribution.measured_note"))

# --- return on spend -------------------------------------------------------------------------------------------------
st.subheader(t("attribution.roas_title"), anchor=False)
model = layout.choice(
    "by_model",
    known,
    words=partial(label, "model"),
    heading="attribution.roas_model",
    default="markov" if "markov" in known else "linear",
)
paid = credits[(credits["model"] == model) & (credits["cost_eur"] > 0)].sort_values("cost_eur", ascending=False)
if paid.empty:
    st.info(t("attribution.roas_empty"), icon=":material/inbox:")
else:
    spread = credits[credits["cost_eur"] > 0].groupby("name")["roas"].agg(["min", "max"])
    paid = paid.assign(
        roas_interval=[
            formats.between(a, b, partial(formats.number, digits=2)) or formats.MISSING
            for a, b in zip(paid["roas_low"], paid["roas_high"], strict=True)
        ],
        roas_models=[
            formats.between(spread.loc[name, "min"], spread.loc[name, "max"], partial(formats.number, digits=2))
            for name in paid["name"]
        ],
        margin_after_cost=paid["margin_eur"] - paid["cost_eur"],
    )
    total = pd.DataFrame(
        {
            "name": [t("attribution.total_paid")],
            "cost_eur": [paid["cost_eur"].sum()],
            "conversions": [paid["conversions"].sum()],
            "revenue_eur": [paid["revenue_eur"].sum()],
            "margin_after_cost": [paid["margin_after_cost"].sum()],
            "roas": [paid["revenue_eur"].sum() / paid["cost_eur"].sum()],
            "cost_per_conversion_eur": [paid["cost_eur"].sum() / max(paid["conversions"].sum(), 1e-9)],
        }
    )
    layout.table(
        pd.concat([paid, total], ignore_index=True),
        [
            Column("name", f"level.{level}"),
            Column("cost_eur", "kpi.cost_eur", layout.whole_money),
            Column("conversions", "measure.conversions", partial(formats.number, digits=1)),
            Column("revenue_eur", "measure.revenue", layout.whole_money),
            Column("roas", "column.roas", partial(formats.number, digits=2)),
            Column("roas_interval", "column.roas_interval"),
            Column("roas_models", "column.roas_models"),
            Column("cost_per_conversion_eur", "column.cost_per_conversion", layout.cents),
            Column("margin_after_cost", "column.margin_after_cost", layout.whole_money),
        ],
        name="roas",
        opened=True,
    )
    st.caption(t("attribution.roas_note"))

# --- price and patience ----------------------------------------------------------------------------------------------
rules = [name for name in known if name not in ("markov", "shapley")]
if window != "free" and level == "channel" and rules:
    rule = model if model in rules else "linear" if "linear" in rules else rules[0]
    terms = data.query("attribution_terms", language=language(), window_name=window, model=rule)
    terms = terms[terms["verdict"] == "supported"]
    if not terms.empty:
        st.subheader(t("attribution.terms_title"), anchor=False)
        one_digit = partial(formats.number, digits=1)
        writers: dict[str, tuple[str, Callable[[Any], str]]] = {
            "coupon_interval": ("coupon_share", formats.percent),
            "discount_interval": ("discount_mean", layout.cents),
            "days_interval": ("days_to_purchase", one_digit),
        }
        for column, (stem, writer) in writers.items():
            terms[column] = [
                formats.between(a, b, writer) or formats.MISSING
                for a, b in zip(terms[f"{stem}_low"], terms[f"{stem}_high"], strict=True)
            ]
        layout.table(
            terms,
            [
                Column("name", "level.channel"),
                Column("conversions", "measure.conversions", one_digit),
                Column("coupon_share", "column.coupon_share", formats.percent),
                Column("coupon_interval", "column.coupon_interval"),
                Column("discount_mean_eur", "column.discount_mean", layout.cents),
                Column("discount_interval", "column.discount_interval"),
                Column("days_to_purchase_median", "column.days_to_purchase", one_digit),
                Column("days_interval", "column.days_interval"),
            ],
            name="terms",
            opened=True,
        )
        st.caption(t("attribution.terms_note", model=label("model", rule)))
