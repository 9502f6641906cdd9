"""How do buyers differ from those who do not buy?"""

from functools import partial
from typing import Any

import streamlit as st

from dashboards import answers, data, formats, interval_charts, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

MEASURES = ("visits", "contacts", "days")
TRAITS = ("channel", "touchpoint_type", "device", "page_type")
DRAWN = 15
NAMED = 3
two = partial(formats.number, digits=2)

layout.question("buyers")
known = data.query("buyers_windows")
windows = layout.windows(set(known["window_name"]))
if not windows:
    layout.empty("buyers")
with layout.filters():
    window = layout.window_choice(windows)
    of_window = known[known["window_name"] == window]
    category = layout.choice(
        "product",
        of_window["category"].tolist(),
        words=partial(label, "category"),
        heading="buyers.category",
        help_key="buyers.category_help",
    )
    trait = layout.choice("trait", TRAITS, words=partial(label, "trait"), heading="buyers.trait", style="buttons")


def signed(value: Any) -> str:
    """A difference with its sign."""
    return ("+" if value > 0 else "") + two(value)


# --- the answer ------------------------------------------------------------------------------------------------------
everywhere = data.query("buyers_behaviour", window_name=window)
everywhere["measure_word"] = everywhere["measure"].map(partial(label, "journey_measure"))
behaviour = everywhere[everywhere["category"] == category].set_index("measure")
traits = data.query("buyers_traits", window_name=window, category=category, dimension=trait, language=language())
words = traits["dimension_value"].map(partial(label, trait))
traits["name"] = traits["channel_label"].fillna(words)
traits["text"] = [
    formats.points_between(row.difference, row.difference_low, row.difference_high)
    for row in traits.itertuples(index=False)
]
clear = traits[traits["verdict"] == "supported"]
first = behaviour.iloc[0]
journeys = {
    "buyers": formats.number(first["buyer_journeys"]),
    "others": formats.number(first["non_buyer_journeys"]),
    "first": formats.day(of_window.iloc[0]["window_start"]),
    "last": formats.day(of_window.iloc[0]["window_end"]),
}
is_small = (behaviour["verdict"] == "not enough data").all()
if is_small:
    layout.answer(layout.say("buyers.answer_small", minimum=answers.MINIMUM_CELL, **journeys), tone="quiet")
else:
    sentences = [layout.say("buyers.answer", **journeys)]
    for is_leading, key in ((clear["difference"] > 0, "more"), (clear["difference"] < 0, "fewer")):
        leading = clear[is_leading].head(NAMED)
        if len(leading):
            named = ", ".join(f"{row['name']} {row['text']}" for row in leading.to_dict("records"))
            sentences.append(layout.say(f"buyers.answer_{key}", names=named))
    if clear.empty:
        sentences.append(layout.say("buyers.answer_none", trait=label("trait", trait)))
    layout.answer(*sentences, tone="info" if len(clear) else "quiet")
st.caption(t("buyers.not_causal"))

# --- visits, contacts, days ------------------------------------------------------------------------------------------
st.subheader(t("buyers.behaviour_title"), anchor=False)
with st.container(key="facts"):
    for name in MEASURES:
        row = behaviour.loc[name]
        with st.container(border=True):
            is_known = row["verdict"] != "not enough data"
            st.metric(
                t(f"buyers.{name}"),
                t("buyers.against", buyers=two(row["buyer_mean"]), others=two(row["non_buyer_mean"]))
                if is_known
                else formats.MISSING,
            )
            note = label("verdict", row["verdict"])
            if is_known:
                note = t(
                    "buyers.difference_words",
                    difference=signed(row["difference"]),
                    interval=formats.interval(row, "difference", signed),
                    verdict=note,
                )
            st.caption(layout.plain(note))
st.caption(t("buyers.behaviour_note"))
layout.table(
    everywhere[everywhere["category"] == category],
    [
        Column("measure_word", "buyers.measure"),
        Column("buyer_journeys", "buyers.buyer_journeys", formats.number),
        Column("non_buyer_journeys", "buyers.non_buyer_journeys", formats.number),
        Column("buyer_mean", "buyers.buyer_mean", two),
        Column("non_buyer_mean", "buyers.non_buyer_mean", two),
        Column("difference", "buyers.difference", two),
        Column("difference_low", "column.low", two),
        Column("difference_high", "column.high", two),
        Column("verdict", "column.verdict", words="verdict"),
    ],
    name="buyers_behaviour",
)

# --- what their journeys hold ----------------------------------------------------------------------------------------
st.subheader(layout.say("buyers.traits_title", trait=label("trait", trait)), anchor=False)
st.caption(t(f"buyers.about_{trait}"))
large = traits[traits["verdict"] != "not enough data"]
small = traits[traits["verdict"] == "not enough data"]
if large.empty:
    st.info(t("buyers.traits_empty", minimum=answers.MINIMUM_CELL), icon=":material/inbox:")
else:
    drawn = large.head(DRAWN).rename(
        columns={
            f"{side}_share{end}": f"{place}{end}"
            for side, place in (("buyer", "first"), ("non_buyer", "second"))
            for end in ("", "_low", "_high")
        }
    )
    drawn["verdict_word"] = drawn["verdict"].map(partial(label, "verdict"))
    for side in ("first", "second"):
        drawn[f"tip_{side}"] = [
            f"{formats.percent(row[side])} ({formats.interval(row, side, formats.percent)})"
            for row in drawn.to_dict("records")
        ]
    layout.show(
        interval_charts.pairs(
            drawn,
            groups=(t("buyers.buyers"), t("buyers.others")),
            axis=t("buyers.share"),
            axis_format=".0%",
            tip=[
                ("name", label("trait", trait)),
                ("tip_first", t("buyers.buyers")),
                ("tip_second", t("buyers.others")),
                ("text", t("buyers.difference")),
                ("verdict_word", t("column.verdict")),
            ],
        ),
        alternative=t("buyers.traits_alt", differences="; ".join(drawn["name"] + " " + drawn["text"])),
    )
    st.caption(t("buyers.traits_note"))
    if len(large) > DRAWN:
        st.caption(t("buyers.shortened", shown=DRAWN, total=len(large)))
if len(small):
    st.caption(layout.say("buyers.small", minimum=answers.MINIMUM_CELL, names=", ".join(small["name"])))
layout.table(
    traits,
    [
        Column("name", f"trait.{trait}"),
        Column("buyer_journeys", "buyers.buyer_journeys", formats.number),
        Column("non_buyer_journeys", "buyers.non_buyer_journeys", formats.number),
        Column("buyer_share", "buyers.buyer_share", formats.percent),
        Column("non_buyer_share", "buyers.non_buyer_share", formats.percent),
        Column("difference", "buyers.difference", formats.percent),
        Column("difference_low", "column.low", formats.percent),
        Column("difference_high", "column.high", formats.percent),
        Column("verdict", "column.verdict", words="verdict"),
        Column("visits_before_purchase_mean", "buyers.visits_before", two),
        Column("days_to_purchase_median", "column.days_to_purchase", partial(formats.number, digits=1)),
    ],
    name="buyers_traits",
)

# --- before a purchase, by category ----------------------------------------------------------------------------------
st.subheader(t("buyers.categories_title"), anchor=False)
measure = layout.choice(
    "before", MEASURES, words=partial(label, "journey_measure"), heading="buyers.measure", style="buttons"
)
by_category = everywhere[(everywhere["measure"] == measure) & (everywhere["category"] != "all")]
enough = by_category["buyer_journeys"] >= answers.MINIMUM_CELL
ranked = by_category[enough].sort_values("buyer_mean", ascending=False)
ranked = ranked.assign(
    name=ranked["category"].map(partial(label, "category")),
    value=ranked["buyer_mean"],
    low=ranked["buyer_mean_low"],
    high=ranked["buyer_mean_high"],
    text=ranked["buyer_mean"].map(two),
    is_found=True,
    tip_journeys=ranked["buyer_journeys"].map(formats.number),
)
if ranked.empty:
    st.info(t("buyers.categories_empty", minimum=answers.MINIMUM_CELL), icon=":material/inbox:")
else:
    ranked["tip_interval"] = [formats.interval(row, "buyer_mean", two) for row in ranked.to_dict("records")]
    layout.show(
        interval_charts.intervals(
            ranked,
            axis=t(f"buyers.{measure}"),
            axis_format=",.1f",
            tip=[
                ("name", t("buyers.category")),
                ("text", t(f"buyers.{measure}")),
                ("tip_interval", t("tip.interval")),
                ("tip_journeys", t("buyers.buyer_journeys")),
            ],
        ),
        alternative=t(
            "buyers.categories_alt",
            measure=label("journey_measure", measure),
            categories="; ".join(ranked["name"] + " " + ranked["text"]),
        ),
    )
    layout.table(
        ranked,
        [
            Column("name", "buyers.category"),
            Column("buyer_journeys", "buyers.buyer_journeys", formats.number),
            Column("buyer_mean", "buyers.buyer_mean", two),
            Column("buyer_mean_low", "column.low", two),
            Column("buyer_mean_high", "column.high", two),
        ],
        name="buyers_categories",
    )
few = by_category.loc[~enough, "category"].map(partial(label, "category"))
if len(few):
    st.caption(layout.say("buyers.small", minimum=answers.MINIMUM_CELL, names=", ".join(few)))
