"""What if some of those whose journey ends at a station went on elsewhere?"""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from dashboards import answers, data, formats, layout
from dashboards.journey_view import View, one
from dashboards.layout import Column
from dashboards.text import t

_SHARE = 10  # of those whose journey ends at the station, in per cent


def show(view: View) -> None:
    """Write the block."""
    st.subheader(t("journey_map.what_if_title"), anchor=False)
    st.caption(t("journey_map.what_if_about"))
    rows = data.query("journey_map_what_ifs", window_name=view.window, segment=view.segment)
    large = set(view.nodes.index[view.nodes["verdict"] == "supported"])
    rows = rows[rows["node"].isin(large) & rows["target"].isin(large)]
    if rows.empty:
        st.info(t("journey_map.what_if_empty", minimum=answers.MINIMUM_CELL), icon=":material/science:")
        return
    at, to = _choose(view, rows)
    targets = rows[rows["node"] == at].set_index("target")
    share = (
        st.slider(
            layout.say("journey_map.what_if_share", station=view.name(at)),
            0,
            100,
            _SHARE,
            format="%d %%",
            key="moved",
            bind="query-params",
        )
        / 100
    )
    _result(view, at, to, share, answers.moved(targets.loc[to], share))
    _table(view, targets, share)


def _choose(view: View, rows: pd.DataFrame) -> tuple[str, str]:
    """Where, and where to: what is reached on the site first, since that is what a shop can change."""
    order = {node: place for place, node in enumerate(view.nodes.index)}
    kind, phase = view.nodes["node_kind"], view.nodes["phase"]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
        at = layout.choice(
            "at",
            sorted(rows["node"].unique(), key=lambda node: (kind[node] != "micro_conversion", order[node])),
            words=view.name,
            heading="journey_map.what_if_at",
        )
        targets = rows.loc[rows["node"] == at, "target"]
        onwards = [node for node in targets if kind[node] == "micro_conversion" and phase[node] > phase[at]]
        to = layout.choice(
            "to",
            sorted(targets, key=lambda node: (kind[node] == "touchpoint", order[node])),
            words=view.name,
            heading="journey_map.what_if_to",
            default=min(onwards, key=order.__getitem__, default="conversion"),
            always_in_url=True,
        )
    return at, to


def _orders(view: View, change: float) -> str:
    """A change of the conversion probability as orders of the window."""
    more = change * view.journeys
    return ("+" if more > 0 else "") + one(more)


def _result(view: View, at: str, to: str, share: float, moved: tuple[float, float, float]) -> None:
    change, low, high = moved
    before = view.orders / view.journeys
    lost = view.edges.set_index(["from_node", "to_node"])["n"][at, "null"]
    exact = partial(formats.percent, digits=2)
    facts = [
        (
            "conversion",
            exact(before + change),
            t(
                "journey_map.what_if_before",
                before=exact(before),
                change=formats.points_between(change, low, high, digits=2),
            ),
        ),
        ("orders", _orders(view, change), formats.between(low, high, partial(_orders, view))),
        ("moved", one(share * lost), t("journey_map.what_if_moved_note", n=formats.number(lost))),
    ]
    with st.container(key="facts"):
        for name, value, note in facts:
            with st.container(border=True):
                st.metric(t(f"journey_map.what_if_{name}"), value)
                st.caption(layout.plain(note) or "\N{NO-BREAK SPACE}")
    st.markdown(
        layout.say(
            "journey_map.what_if_words",
            share=formats.percent(share, 0),
            station=view.name(at),
            target=view.name(to),
            orders=_orders(view, change),
            of=formats.number(view.orders),
            before=exact(before),
            after=exact(before + change),
        )
    )
    st.caption(t("journey_map.what_if_caution"))


def _table(view: View, targets: pd.DataFrame, share: float) -> None:
    """The same share sent to each other place."""
    each = targets.reset_index()
    each[["change", "low", "high"]] = [answers.moved(row, share) for row in each.to_dict("records")]
    for name in ("change", "low", "high"):
        each[f"orders_{name}"] = each[name] * view.journeys
    each["name"] = each["target"].map(view.name)
    layout.table(
        each.sort_values("change", ascending=False),
        [
            Column("name", "journey_map.what_if_to"),
            Column("change", "journey_map.what_if_change", partial(formats.percent, digits=2)),
            Column("orders_change", "journey_map.what_if_orders", one),
            Column("orders_low", "column.low", one),
            Column("orders_high", "column.high", one),
        ],
        name="journey_map_what_ifs",
    )
