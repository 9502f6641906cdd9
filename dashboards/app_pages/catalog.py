"""Does the catalog pay?"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import catalog_charts, data, downloads, formats, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

PARTS = ("segment", "recency_class", "response_decile")
RECENCY = ("0-90 days", "91-180 days", "181-365 days", "over 365 days", "none known")
TONES = {"mail": "gain", "add": "gain", "do not mail": "loss", "leave out": "loss"}
SHOWN = 100
EVERY_RANK = 2**62

layout.question("catalog")
mailings = data.query("catalog_mailings")
pending = [
    t("catalog.pending_one", mailing=row["wave"], day=formats.day(row["last_day"]))
    for row in data.query("catalog_pending").to_dict("records")
]
if pending:
    st.caption(layout.say("catalog.pending", mailings=", ".join(pending)))
if mailings.empty:
    layout.empty("catalog")
waves = {
    row["mailing_id"]: t("catalog.together")
    if row["mailing_id"] == "all"
    else t(
        "catalog.one",
        wave=row["mailing_id"] if formats.is_missing(row["wave"]) else row["wave"],
        day=formats.day(row["dropped_date"]),
    )
    for row in mailings.to_dict("records")
}


def span(row: Any, name: str) -> str:
    """The 95 % interval of a column."""
    return formats.between(row[f"{name}_low_eur"], row[f"{name}_high_eur"], layout.cents)


def named(rows: pd.DataFrame) -> pd.Series:
    """Segments in words."""
    return rows["segment"].map(partial(label, "catalog_segment"))


with layout.filters():
    mailing = layout.choice("mailing", list(waves), words=lambda name: waves[name], heading="catalog.mailing")
    effects = data.query("catalog_effects", mailing=mailing)
    whole = effects[effects["dimension"] == "all"]
    arms = list(whole.loc[~whole["is_increment"], "treated_arm"])
    arm = layout.choice("arm", arms, words=partial(label, "catalog_arm"), heading="catalog.arm", style="buttons")
    parts = [part for part in PARTS if part in set(effects["dimension"])]
    part = layout.choice(
        "part", parts or ["all"], words=partial(label, "catalog_part"), heading="catalog.part", style="buttons"
    )
answer = whole[(whole["treated_arm"] == arm) & ~whole["is_increment"]].iloc[0]
added = whole[(whole["treated_arm"] == arm) & whole["is_increment"]]
if added.empty:  # the first arm: what comes on top of it
    added = whole[(whole["control_arm"] == arm) & whole["is_increment"]]
followup = None if added.empty or formats.is_missing(added.iloc[0]["effect_eur"]) else added.iloc[0]
is_judged = answer["verdict"] in ("supported", "not enough data") and not formats.is_missing(answer["effect_eur"])

segments = effects[(effects["dimension"] == part) & (effects["treated_arm"] == arm) & ~effects["is_increment"]].copy()
if part == "recency_class":
    segments = segments.sort_values("segment", key=lambda names: names.map(RECENCY.index))
segments["name"] = named(segments)

# --- the answer ------------------------------------------------------------------------------------------------------
outcome = {
    "not identified": "unidentified",
    "sample ratio mismatch": "ratio",
    "not enough data": "open",
}.get(answer["verdict"], "pays" if answer["profit_eur"] > 0 else "loses")
lines = []
if formats.is_missing(answer["effect_eur"]):
    lines.append(t("catalog.answer_ratio"))
else:
    lines.append(
        layout.say(
            f"catalog.answer_{outcome}",
            profit=layout.cents(answer["profit_eur"]),
            range=span(answer, "profit"),
            total=layout.whole_money(answer["profit_total_eur"]),
        )
    )
    if is_judged:
        lines.append(
            layout.say(
                "catalog.answer_matchback",
                claimed=layout.cents(answer["matchback_profit_eur"]),
                demand=layout.cents(answer["matchback_eur"]),
                anyway=layout.cents(max(answer["matchback_overstates_eur"], 0)),
            )
        )
    if followup is not None and followup["verdict"] in ("supported", "not enough data"):
        lines.append(
            layout.say(
                "catalog.answer_followup",
                profit=layout.cents(followup["profit_eur"]),
                cost=layout.cents(followup["unit_cost_eur"]),
                range=span(followup, "profit"),
                advice=label("catalog_advice", followup["recommendation"]),
            )
        )
    lines += [
        layout.say(f"catalog.answer_{key}", segments=", ".join(chosen["name"]))
        for key, advice in (("mail", "mail"), ("skip", "do not mail"))
        if not (chosen := segments[segments["recommendation"] == advice]).empty
    ]
layout.answer(*lines, tone={"pays": "good", "open": "quiet"}.get(outcome, "warn"))
if not answer["is_randomised"]:
    st.warning(t("catalog.not_randomised"), icon=":material/balance:")

# --- the bridge ------------------------------------------------------------------------------------------------------
facts = [
    ("profit", layout.cents(answer["profit_eur"]), t("catalog.interval", interval=span(answer, "profit"))),
    ("claimed", layout.cents(answer["matchback_profit_eur"]), ""),
    (
        "total",
        layout.whole_money(answer["profit_total_eur"]),
        t(
            "catalog.interval",
            interval=formats.between(
                answer["profit_total_low_eur"], answer["profit_total_high_eur"], layout.whole_money
            ),
        ),
    ),
    (
        "cost",
        layout.whole_money(answer["cost_total_eur"]),
        t(
            "catalog.unit",
            cost=layout.cents(answer["unit_cost_eur"]),
            margin=formats.percent(answer["margin_share"], 0),
        ),
    ),
    (
        "mailed",
        formats.number(answer["treated"]),
        t("catalog.of_controls", controls=formats.number(answer["controls"])),
    ),
]
with st.container(key="facts"):
    for name, value, note in facts if is_judged else facts[-2:]:
        with st.container(border=True):
            st.metric(t(f"catalog.fact_{name}"), value, help=t(f"catalog.fact_{name}_help"))
            st.caption(layout.plain(note) or "\N{NO-BREAK SPACE}")


def step(name: str, start: float, end: float, kind: str, low: Any = None, high: Any = None) -> dict[str, Any]:
    """One bar of the bridge."""
    text = layout.cents(end - start)
    if high is not None:
        text = f"{text}  ({formats.between(low, high, layout.cents)})"
    return {
        "name": t(f"catalog.{name}"),
        "start": start,
        "end": end,
        "low": low,
        "high": high,
        "text": text,
        "kind": kind,
    }


if is_judged:
    st.subheader(t("catalog.bridge_title"), anchor=False)
    st.caption(t("catalog.bridge_about"))
    net = answer["effect_eur"]
    steps = [
        step("step_matchback", 0, answer["matchback_eur"], "claimed"),
        step("step_anyway", max(net, 0), answer["matchback_eur"], "given"),
        step("step_added", 0, net, "measured", answer["effect_low_eur"], answer["effect_high_eur"]),
        step("step_break_even", 0, answer["break_even_eur"], "limit"),
    ]
    if followup is not None:
        steps += [
            step(
                "step_followup",
                0,
                followup["effect_eur"],
                "measured",
                followup["effect_low_eur"],
                followup["effect_high_eur"],
            ),
            step("step_followup_break_even", 0, followup["break_even_eur"], "limit"),
        ]
    drawn = pd.DataFrame(steps)
    layout.show(
        catalog_charts.bridge(drawn, axis=t("catalog.demand")),
        alternative=t("catalog.bridge_alt", steps="; ".join(f"{row['name']}: {row['text']}" for row in steps)),
    )

# --- segments --------------------------------------------------------------------------------------------------------
st.subheader(t("catalog.segments_title"), anchor=False)
st.caption(t("catalog.segments_about"))
judged = segments.dropna(subset=["profit_eur"])
if judged.empty:
    st.info(t("catalog.no_segments"), icon=":material/inbox:")
else:
    judged = judged.assign(
        advice=judged["recommendation"].map(partial(label, "catalog_advice")),
        tone=judged["recommendation"].map(lambda advice: TONES.get(advice, "open")),
        tip_profit=judged["profit_eur"].map(layout.cents),
        tip_interval=[span(row, "profit") for _, row in judged.iterrows()],
    )
    layout.show(
        catalog_charts.profits(judged, axis=t("catalog.profit_axis")),
        alternative=t(
            "catalog.segments_alt",
            segments="; ".join(f"{row['name']}: {row['tip_profit']} ({row['advice']})" for _, row in judged.iterrows()),
        ),
    )
rows = effects[effects["dimension"].isin(["all", part])].copy()
rows["name"] = [
    t("catalog.together") if row["dimension"] == "all" else label("catalog_segment", row["segment"])
    for _, row in rows.iterrows()
]
layout.table(
    rows,
    [
        Column("name", "tip.segment"),
        Column("treated_arm", "catalog.arm", words="catalog_arm"),
        Column("control_arm", "catalog.control", words="catalog_arm"),
        Column("treated", "catalog.treated", formats.number),
        Column("controls", "catalog.controls", formats.number),
        Column("unit_cost_eur", "catalog.unit_cost", layout.cents),
        Column("matchback_eur", "catalog.matchback", layout.cents),
        Column("matchback_profit_eur", "catalog.matchback_profit", layout.cents),
        Column("effect_eur", "catalog.added", layout.cents),
        Column("break_even_eur", "catalog.break_even", layout.cents),
        Column("profit_eur", "catalog.profit", layout.cents),
        Column("profit_low_eur", "column.low", layout.cents),
        Column("profit_high_eur", "column.high", layout.cents),
        Column("q_value", "catalog.q_value", formats.probability),
        Column("recommendation", "catalog.advice", words="catalog_advice"),
        Column("verdict", "column.verdict", words="verdict"),
    ],
    name="catalog_effects",
)

# --- is it fair? -----------------------------------------------------------------------------------------------------
with st.expander(t("catalog.fair_title"), icon=":material/balance:"):
    ratio, alike = answer["sample_ratio_p_value"], answer["balance_p_value"]
    said = [
        ("fair_method", label("catalog_method", answer["method"])),
        (
            "fair_ratio",
            t("catalog.fair_ratio_none")
            if formats.is_missing(ratio)
            else f"{t('catalog.fair_ratio_bad' if ratio < 0.001 else 'catalog.fair_ratio_ok')} "
            f"(p = {formats.probability(ratio)})",
        ),
    ]
    if not formats.is_missing(alike):
        word = t("catalog.fair_balance_bad" if alike < 0.001 else "catalog.fair_balance_ok")
        said.append(("fair_balance", f"{word} (p = {formats.probability(alike)})"))
    if not formats.is_missing(answer["placebo_eur"]):
        shown = t(
            "catalog.fair_placebo_value", value=layout.cents(answer["placebo_eur"]), range=span(answer, "placebo")
        )
        said.append(("fair_placebo", shown))
    if answer["is_randomised"]:
        said.append(("fair_adjusted", formats.percent(max(answer["variance_reduction"] or 0, 0), 0)))
    else:
        said.append(("fair_overlap", formats.percent(answer["overlap"], 0)))
        robust = formats.percent(answer["robustness"], 0)
        said.append(("fair_robustness", t("catalog.fair_robustness_value", share=robust)))
    for key, words in said:
        st.markdown(f"{layout.plain(t(f'catalog.{key}'))}: **{layout.plain(words)}**")
    if not answer["is_randomised"] and answer["hidden_strongest"]:
        hidden = layout.say("catalog.fair_hidden", trait=label("catalog_trait", answer["hidden_strongest"]))
        reach = layout.say(
            "catalog.fair_hidden_value",
            low=layout.cents(answer["hidden_profit_low_eur"]),
            high=layout.cents(answer["hidden_profit_high_eur"]),
        )
        st.markdown(f"{hidden}: **{reach}**")
    st.caption(t("catalog.balance_about"))
    balance = data.query("catalog_balance", mailing=mailing, treated=arm, control=answer["control_arm"])
    layout.table(
        balance,
        [
            Column("covariate", "catalog.trait", words="catalog_trait"),
            Column("difference", "catalog.gap", partial(formats.number, digits=2)),
            Column("difference_weighted", "catalog.gap_weighted", partial(formats.number, digits=2)),
        ],
        name="catalog_balance",
        opened=True,
    )

# --- whom to mail next -----------------------------------------------------------------------------------------------
st.subheader(t("catalog.next_title"), anchor=False)
choosing = data.one("catalog_targeting")
if choosing is None or not choosing["candidates"]:
    layout.empty("catalog", "next_empty")
st.caption(
    layout.say(
        "catalog.next_about", rows=formats.number(choosing["rows"]), mailings=formats.number(choosing["mailings"])
    )
)
kind = {"supported": "supported", "not enough data": "little"}.get(choosing["verdict"], "unclear")
layout.answer(
    layout.say(
        f"catalog.next_{kind}",
        chosen=formats.percent(choosing["cut_off_share"], 0),
        gain=layout.cents(choosing["gain"]),
        range=formats.between(choosing["gain_low"], choosing["gain_high"], layout.cents),
    ),
    tone="good" if kind == "supported" else "quiet",
)
two = partial(formats.number, digits=2)
with st.container(key="traffic_cards"):
    for name, value, note in (
        (
            "list",
            formats.number(choosing["mailed"]),
            t("catalog.of_candidates", candidates=formats.number(choosing["candidates"])),
        ),
        (
            "qini",
            two(choosing["qini"]),
            t("catalog.interval", interval=formats.between(choosing["qini_low"], choosing["qini_high"], two)),
        ),
        (
            "slope",
            two(choosing["slope"]),
            t("catalog.interval", interval=formats.between(choosing["slope_low"], choosing["slope_high"], two)),
        ),
    ):
        with st.container(border=True):
            st.metric(t(f"catalog.fact_{name}"), value, help=t(f"catalog.fact_{name}_help"))
            st.caption(layout.plain(note))
curve = data.query("catalog_curve")
if not curve.empty:
    best = curve.nlargest(1, "profit").iloc[0]
    layout.show(
        catalog_charts.cut_off(
            curve,
            cut=float(choosing["cut_off_share"]),
            axis=t("catalog.curve_profit"),
            share_axis=t("catalog.curve_axis"),
        ),
        alternative=t(
            "catalog.curve_alt",
            best=layout.cents(best["profit"]),
            share=formats.percent(best["share"], 0),
            all=layout.cents(curve["profit"].iloc[-1]),
            cut=formats.percent(choosing["cut_off_share"], 0),
        ),
    )
    st.caption(t("catalog.curve_note"))
    layout.table(
        curve,
        [
            Column("share", "catalog.share", partial(formats.percent, digits=0)),
            Column("profit", "catalog.curve_profit", layout.cents),
            Column("profit_low", "column.low", layout.cents),
            Column("profit_high", "column.high", layout.cents),
            Column("uplift", "catalog.uplift", layout.cents),
        ],
        name="catalog_curve",
    )
columns = [
    Column("mailing_rank", "catalog.rank", formats.number),
    Column("customer_key", "catalog.customer"),
    Column("segment", "catalog_part.segment", words="catalog_segment"),
    Column("recency_class", "catalog_part.recency_class", words="catalog_segment"),
    Column("uplift_eur", "catalog.uplift", layout.cents),
    Column("uplift_low_eur", "column.low", layout.cents),
    Column("uplift_high_eur", "column.high", layout.cents),
    Column("expected_margin_eur", "catalog.expected_margin", layout.cents),
    Column("unit_cost_eur", "catalog.unit_cost", layout.cents),
    Column("expected_profit_eur", "catalog.expected_profit", layout.cents),
]


def whole_list(read: Callable[[], pd.DataFrame], worded: Callable[[pd.DataFrame], pd.DataFrame], here: str) -> bytes:
    """Everyone to mail, as a file; called when it is asked for, outside the session."""
    return downloads.csv(worded(read()), here)


top = data.query("catalog_targets", highest_rank=SHOWN)
if not top.empty:
    st.download_button(
        t("catalog.download"),
        partial(
            whole_list,
            data.later("catalog_targets", highest_rank=EVERY_RANK),
            layout.wording(columns),
            language(),
        ),
        f"netzplan_catalog_targets_{data.version().as_of_date or ''}.csv",
        "text/csv",
        key="catalog_download",
        icon=":material/download:",
        on_click="ignore",
        type="primary",
    )
    st.caption(layout.say("catalog.list_about", shown=formats.number(len(top))))
    layout.table(top, columns, name="catalog_targets", opened=True)
