"""Who is about to buy, leave, return?"""

from collections.abc import Callable
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from dashboards import charts, customer_charts, data, formats, interval_charts, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

ANSWERED = ("reorder", "purchase_intent", "basket_abandonment", "return_risk")
SEGMENTS = ("all", "brand_loyal", "price_sensitive", "neutral", "undecided")
FORMS = {"probability": ".0%", "orders": ",.1f", "eur": "$,.0f"}
percent = partial(formats.percent, digits=0)
one = partial(formats.number, digits=1)
WRITERS: dict[str, Callable[[Any], str]] = {"probability": percent, "orders": one, "eur": layout.whole_money}

layout.question("customers")
models = data.query("customers_models")
if models.empty:
    layout.empty("customers")
segments = data.query("customers_segments")

with layout.filters():
    segment = layout.choice(
        "taste",
        [name for name in SEGMENTS if name == "all" or name in set(segments["segment"])],
        words=partial(label, "taste"),
        heading="customers.segment",
        help_key="customers.segment_help",
    )
    score = layout.choice("score", list(models["model"]), words=partial(label, "score"), heading="customers.score")
model = models[models["model"] == score].to_dict("records")[0]
write = WRITERS[model["score_unit"]]


# --- the answer ------------------------------------------------------------------------------------------------------
expected = data.query("customers_expected", segment=segment).set_index("model")
verdicts = models.set_index("model")["verdict"]
sentences = [
    layout.say(
        f"customers.answer_{name}",
        expected=formats.number(expected.loc[name, "expected"]),
        units=formats.number(expected.loc[name, "units"]),
    )
    for name in ANSWERED
    if name in expected.index
]
if verdicts.get("churn", "supported") != "supported":
    sentences.append(layout.say("customers.answer_no_churn", verdict=label("verdict", verdicts["churn"])))
unknown = [name for name in ANSWERED if verdicts.get(name, "supported") != "supported"]
if unknown:
    names = ", ".join(label("score", name) for name in unknown)
    sentences.append(layout.say("customers.answer_unknown", models=names))
layout.answer(*sentences or [t("customers.nobody")], tone="info" if len(expected) else "quiet")

# --- scores and whether they come true -------------------------------------------------------------------------------
st.subheader(layout.say("customers.scores_title", score=label("score", score)), anchor=False)
st.caption(t(f"customers.about_{score}"))
bands = data.query("customers_scores", model=score, segment=segment)
if model["verdict"] != "supported":
    st.info(layout.say("customers.no_scores", verdict=label("verdict", model["verdict"])), icon=":material/inbox:")
elif bands.empty:
    st.info(t("customers.no_units"), icon=":material/inbox:")
else:
    bands["tip_band"] = [formats.between(row.band_low, row.band_high, write) for row in bands.itertuples()]
    bands["tip_units"] = bands["units"].map(formats.number)
    units = t(f"customers.units_{model['unit_type']}")
    layout.show(
        customer_charts.distribution(
            bands, axis=label("score", score), units=units, axis_format=FORMS[model["score_unit"]]
        ),
        alternative=t(
            "customers.scores_alt", score=label("score", score), units=formats.number(bands["units"].sum()), what=units
        ),
    )
    layout.table(
        bands,
        [
            Column("band_low", "customers.band_low", write),
            Column("band_high", "customers.band_high", write),
            Column("units", "customers.count", formats.number),
            Column("mean_score", "customers.mean_score", write),
        ],
        name="customers_scores",
    )
tenths = data.query("customers_calibration", model=score)
if not tenths.empty:
    st.markdown(f"**{t('customers.calibration_title')}**")
    tenths["tip_rows"] = tenths["rows"].map(formats.number)
    layout.show(
        customer_charts.calibration(tenths),
        alternative=t(
            "customers.calibration_alt", score=label("score", score), rows=formats.number(tenths["rows"].sum())
        ),
    )
    st.caption(t("customers.calibration_note"))
    layout.table(
        tenths,
        [
            Column("bin", "customers.bin", formats.number),
            Column("rows", "customers.rows", formats.number),
            Column("predicted", "customers.predicted", formats.percent),
            Column("observed", "customers.observed", formats.percent),
            Column("observed_low", "column.low", formats.percent),
            Column("observed_high", "column.high", formats.percent),
        ],
        name="customers_calibration",
    )
layout.table(
    models,
    [
        Column("model", "customers.score", words="score"),
        Column("verdict", "column.verdict", words="verdict"),
        Column("units_scored", "customers.count", formats.number),
        Column("auc", "customers.auc", partial(formats.number, digits=2)),
        Column("auc_low", "column.low", partial(formats.number, digits=2)),
        Column("auc_high", "column.high", partial(formats.number, digits=2)),
        Column("observed_per_predicted", "customers.ratio", partial(formats.number, digits=2)),
        Column("rows", "customers.learnt", formats.number),
        Column("validated", "customers.rows", formats.number),
    ],
    name="customers_models",
)

# --- segments --------------------------------------------------------------------------------------------------------
if not segments.empty:
    st.subheader(t("customers.segments_title"), anchor=False)
    st.caption(t("customers.segments_about"))
    worth = segments.dropna(subset=["value_eur"]).assign(
        name=lambda rows: rows["segment"].map(partial(label, "taste")),
        value=lambda rows: rows["value_eur"],
        low=lambda rows: rows["value_eur_low"],
        high=lambda rows: rows["value_eur_high"],
        text=lambda rows: rows["value_eur"].map(layout.whole_money),
        is_found=lambda rows: rows["verdict"] == "supported",
    )
    worth["tip_interval"] = [formats.interval(row, "value_eur", layout.whole_money) for row in worth.to_dict("records")]
    worth["tip_persons"] = worth["persons"].map(formats.number)
    if not worth.empty:
        layout.show(
            interval_charts.intervals(
                worth,
                axis=t("customers.value_axis"),
                axis_format="$,.0f",
                tip=[
                    ("name", t("customers.segment")),
                    ("text", t("customers.value_axis")),
                    ("tip_interval", t("tip.interval")),
                    ("tip_persons", t("customers.persons")),
                ],
            ),
            alternative=t("customers.segments_alt", segments=len(worth)),
        )
    layout.table(
        segments,
        [
            Column("segment", "customers.segment", words="taste"),
            Column("persons", "customers.persons", formats.number),
            Column("share", "customers.share", percent),
            Column("price_share", "customers.price_share", percent),
            Column("brand_share", "customers.brand_share", percent),
            Column("customers", "customers.buyers", formats.number),
            Column("value_eur", "customers.value_axis", layout.whole_money),
            Column("value_eur_low", "column.low", layout.whole_money),
            Column("value_eur_high", "column.high", layout.whole_money),
            Column("orders", "score.expected_orders", one),
            Column("reorder", "score.reorder", percent),
        ],
        name="customers_segments",
    )

# --- next best campaign ----------------------------------------------------------------------------------------------
plan = data.query("customers_plan", segment=segment, language=language())
if not plan.empty:
    st.subheader(t("customers.plan_title"), anchor=False)
    st.caption(t("customers.plan_about"))
    plan["trigger_word"] = plan["trigger"].map(partial(label, "trigger"), na_action="ignore")
    plan["margin_interval"] = [formats.interval(row, "margin", layout.cents) for row in plan.to_dict("records")]
    layout.table(
        plan,
        [
            Column("phase_name", "column.phase"),
            Column("segment", "customers.segment", words="taste"),
            Column("name", "customers.campaign"),
            Column("trigger_word", "customers.trigger"),
            Column("verdict", "customers.effect", words="verdict"),
            Column("margin_eur", "customers.margin", layout.cents),
            Column("margin_interval", "tip.interval"),
            Column("first_choice_persons", "customers.first_choice", formats.number),
            Column("persons", "customers.persons", formats.number),
        ],
        name="customers_plan",
        opened=True,
    )

# --- what campaigns changed ------------------------------------------------------------------------------------------
effects = data.query("customers_campaigns")
if not effects.empty:
    st.subheader(t("customers.campaigns_title"), anchor=False)
    st.caption(t("customers.campaigns_about"))
    effects["kind_word"] = effects["kind"].map(partial(label, "effect_kind"))
    effects["name"] = effects["campaign_name"] + ": " + effects["kind_word"]
    known = effects.dropna(subset=["relative"]).assign(
        value=lambda rows: rows["relative"],
        low=lambda rows: rows["relative_low"],
        high=lambda rows: rows["relative_high"],
        text=lambda rows: rows["relative"].map(partial(formats.change, digits=0)),
        is_found=lambda rows: rows["verdict"] == "supported",
        verdict_word=lambda rows: rows["verdict"].map(partial(label, "verdict")),
    )
    known["tip_interval"] = [formats.interval(row, "relative", percent) for row in known.to_dict("records")]
    if not known.empty:
        layout.show(
            interval_charts.intervals(
                known,
                axis=t("customers.relative"),
                axis_format=".0%",
                tip=[
                    ("name", t("customers.campaign")),
                    ("text", t("customers.relative")),
                    ("tip_interval", t("tip.interval")),
                    ("verdict_word", t("column.verdict")),
                ],
                with_zero=True,
            ),
            alternative=t(
                "customers.campaigns_alt", effects=len(known), found=int((known["verdict"] == "supported").sum())
            ),
        )
        st.caption(t("customers.campaigns_note"))
    layout.table(
        effects,
        [
            Column("campaign_name", "customers.campaign"),
            Column("kind", "customers.kind", words="effect_kind"),
            Column("verdict", "column.verdict", words="verdict"),
            Column("treated", "customers.treated", formats.number),
            Column("controls", "customers.controls", formats.number),
            Column("control_level", "customers.control_level", partial(formats.number, digits=3)),
            Column("effect", "customers.effect", partial(formats.number, digits=3)),
            Column("effect_low", "column.low", partial(formats.number, digits=3)),
            Column("effect_high", "column.high", partial(formats.number, digits=3)),
            Column("relative", "customers.relative", percent),
            Column("targeting_verdict", "customers.targeting", words="verdict"),
        ],
        name="customers_campaigns",
    )

# --- anonymous visits ------------------------------------------------------------------------------------------------
steps = data.query("customers_steps", language=language())
if not steps.empty:
    st.subheader(t("customers.steps_title"), anchor=False)
    st.caption(t("customers.steps_about"))
    steps["stage_word"] = steps["stage_name"] + " (" + steps["aida"] + ")"
    steps["text"] = steps["probability"].map(percent)
    steps["tip_interval"] = [formats.interval(row, "probability", formats.percent) for row in steps.to_dict("records")]
    steps["tip_visits"] = steps["recent_visits"].map(formats.number)
    order = pd.Categorical(steps["next_step"], ["1", "2", "3", "4", "5", "6", "order", "leave"], ordered=True)
    grid = steps.assign(place=order).sort_values(["place", "phase"])
    layout.show(
        charts.heatmap(
            # rows by stage, columns by next step: both in the order of the journey
            grid.sort_values("phase", kind="stable"),
            x="next_name",
            y="stage_word",
            x_angle=-40,
            value="probability",
            text="text",
            domain=(-1, 1),
            tip=[
                ("stage_word", t("customers.stage")),
                ("next_name", t("customers.next_step")),
                ("text", t("customers.probability")),
                ("tip_interval", t("tip.interval")),
                ("tip_visits", t("customers.standing")),
            ],
        ),
        alternative=t("customers.steps_alt", stages=steps["phase"].nunique()),
    )
    layout.table(
        steps,
        [
            Column("stage_word", "customers.stage"),
            Column("next_name", "customers.next_step"),
            Column("probability", "customers.probability", formats.percent),
            Column("probability_low", "column.low", formats.percent),
            Column("probability_high", "column.high", formats.percent),
            Column("moves", "customers.moves", formats.number),
            Column("recent_visits", "customers.standing", formats.number),
        ],
        name="customers_steps",
    )
triggers = data.query("customers_triggers", language=language())
if not triggers.empty:
    st.subheader(t("customers.triggers_title"), anchor=False)
    st.caption(t("customers.triggers_about"))
    layout.table(
        triggers,
        [
            Column("name", "customers.trigger"),
            Column("visits", "customers.visits", formats.number),
            Column("visit_share", "customers.visit_share", percent),
            Column("visits_with_others", "customers.with_others", formats.number),
            Column("converted_visits", "customers.converted", formats.number),
        ],
        name="customers_triggers",
        opened=True,
    )
