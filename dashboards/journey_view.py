"""One map of one window and segment: what is read, how stations are named, and how it is drawn and listed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import pandas as pd

from dashboards import answers, data, formats, journey_chart, layout
from dashboards.layout import Column
from dashboards.text import label, language, t

PHASE_MODEL = "journey6"
WHOLE = "all"


@dataclass(frozen=True, slots=True)
class View:
    """The map of a window and segment.

    Attributes
    ----------
    window, segment : str
    nodes : DataFrame
        Stations by node, with their `name`.
    edges : DataFrame
        Every line, the thin ones too.
    """

    window: str
    segment: str
    nodes: pd.DataFrame
    edges: pd.DataFrame

    @property
    def journeys(self) -> int:
        """Journeys that started."""
        return int(self.nodes["journeys"]["start"])

    @property
    def orders(self) -> int:
        """Journeys that reached the order."""
        return int(self.nodes["journeys"].get("conversion", 0))

    @property
    def path(self) -> list[str]:
        """The single most probable way from start to order; empty where nobody ordered."""
        steps = self.nodes["critical_step"].dropna().sort_values()
        return [*steps.index, "conversion"] if len(steps) else []

    @property
    def visible(self) -> pd.Series:
        """Which lines may be shown."""
        return self.edges["n"] >= answers.MINIMUM_LINE

    def name(self, node: str) -> str:
        """What a station is called."""
        return str(self.nodes.at[node, "name"])

    def words(self) -> str:
        """Segment and window in words."""
        return f"{segment_words(self.segment)}, {label('window', self.window)}"


segment_words = partial(layout.segment_words, everyone="journey_map.everyone")


def read(window: str, segment: str) -> View | None:
    """Read a map; None where no journey of the segment ended in the window."""
    scope = {"window_name": window, "segment": segment}
    nodes = data.query("journey_map_nodes", language=language(), **scope)
    if nodes.empty:
        return None
    named = nodes["channel_label"].fillna(nodes["node"].map(partial(label, "node")))
    return View(window, segment, nodes.assign(name=named).set_index("node"), data.query("journey_map_edges", **scope))


def probability(view: View, way: list[str]) -> float:
    """Probability of going exactly this way."""
    chances = view.edges.set_index(["from_node", "to_node"])["probability"]
    product = 1.0
    for step in pairwise(way):
        product *= float(chances[step])
    return product


def draw(view: View, lines: str, station: str = WHOLE) -> None:
    """Draw the map.

    Parameters
    ----------
    view : View
    lines : {"main", "all"}
        The lines most journeys take, or every one that may be shown.
    station : str
        Its own lines stand out, and all of them are drawn; `all` for the whole map.
    """
    edges, nodes = view.edges[view.visible], view.nodes
    path = set(pairwise(view.path))
    of_station = (edges["from_node"] == station) | (edges["to_node"] == station)
    on_path = pd.Series([way in path for way in zip(edges["from_node"], edges["to_node"], strict=True)], edges.index)
    kept = answers.is_main_line(edges, view.journeys) | of_station | on_path if lines == "main" else edges["n"] > 0
    reach = nodes["conversion_probability"].fillna(pd.Series({"conversion": 1.0, "null": 0.0}))
    drawn = edges[kept].assign(
        reach=edges["to_node"].map(reach),
        is_on_path=on_path & ((station == WHOLE) | of_station),
        is_faint=(station != WHOLE) & ~of_station,
    )
    drawn["tip"] = [_line_tip(view, row) for row in drawn.itertuples(index=False)]
    stations = nodes[nodes["node_kind"] != "null"].reset_index()
    stations["reach"] = stations["node"].map(reach).astype(float)
    stations["text"] = stations["reach"].map(partial(formats.percent, digits=0))
    stations.loc[stations["node_kind"].isin(["start", "conversion"]), "text"] = ""
    stations["is_on_path"] = stations["node"].isin(view.path)
    stations["tip"] = [_station_tip(row) for row in stations.itertuples(index=False)]
    phases = {
        int(phase): f"{int(phase)} {label(f'phase.{PHASE_MODEL}', int(phase))}"
        for phase in sorted(nodes["phase"].dropna().unique())
    }
    option, height = journey_chart.network(
        stations,
        drawn,
        phases=phases,
        ends=(
            f"{view.name('start')}\n{formats.percent(reach['start'], 0)}",
            f"{label('node', 'conversion')}\n{formats.number(view.orders)}",
        ),
        classes=_class_words(),
    )
    layout.show(
        option,
        height=height,
        alternative=t(
            "journey_map.map_alt",
            view=view.words(),
            path=" → ".join(map(view.name, view.path)) or formats.MISSING,
            stations="; ".join(
                f"{row.name} {formats.percent(row.reach, 0)}"
                for row in stations.itertuples(index=False)
                if row.node != "conversion"
            ),
        ),
    )


def _class_words() -> list[str]:
    limits = [formats.percent(limit, 0) for limit in journey_chart.CLASSES]
    pairs = [f"{low} – {high}" for low, high in pairwise(limits)]
    return [t("journey_map.below", limit=limits[0]), *pairs, t("journey_map.from", limit=limits[-1])]


def _line_tip(view: View, row: Any) -> str:
    return t(
        "journey_map.line_tip",
        out=view.name(row.from_node),
        into=view.name(row.to_node),
        n=formats.number(row.n),
        share=formats.percent(row.probability),
        reach=formats.percent(row.reach),
    )


def _station_tip(row: Any) -> str:
    if row.node == "conversion":
        return t("journey_map.order_tip", name=row.name, journeys=formats.number(row.journeys))
    return t(
        "journey_map.station_tip",
        name=row.name,
        journeys=formats.number(row.journeys),
        n=formats.number(row.n),
        reach=formats.percent(row.reach),
        interval=formats.between(row.conversion_probability_low, row.conversion_probability_high, formats.percent)
        or formats.MISSING,
    )


def list_lines(view: View, station: str = WHOLE) -> pd.DataFrame:
    """Every line that may be shown, and one row for the thin ones together: the sum is that of all moves."""
    edges = view.edges
    if station != WHOLE:
        edges = edges[(edges["from_node"] == station) | (edges["to_node"] == station)]
    shown = edges[edges["n"] >= answers.MINIMUM_LINE]
    rows = shown.assign(out=shown["from_node"].map(view.name), into=shown["to_node"].map(view.name))
    thin = edges[edges["n"] < answers.MINIMUM_LINE]
    if len(thin):
        together = {"out": t("journey_map.thin_row", lines=len(thin), limit=answers.MINIMUM_LINE), "n": thin["n"].sum()}
        rows = pd.concat([rows, pd.DataFrame([together])], ignore_index=True)
    return rows


one: Callable[[Any], str] = partial(formats.number, digits=1)


def hours(value: Any) -> str:
    """Write hours, and not as 0 what is only short."""
    if formats.is_missing(value) or value >= 0.05:
        return one(value)
    return f"<\N{NO-BREAK SPACE}{one(0.1)}"


LINES = [
    Column("out", "journey_map.from_station"),
    Column("into", "journey_map.to_station"),
    Column("n", "journey_map.moves", formats.number),
    Column("probability", "journey_map.share_of_moves", formats.percent),
    Column("median_gap_hours", "journey_map.median_hours", hours),
]
STATIONS = [
    Column("name", "journey_map.station"),
    Column("phase", "column.phase", formats.number),
    Column("journeys", "journey_map.journeys", formats.number),
    Column("n", "journey_map.passes", formats.number),
    Column("persons", "customers.persons", formats.number),
    Column("conversion_probability", "journey_map.reach", formats.percent),
    Column("conversion_probability_low", "column.low", formats.percent),
    Column("conversion_probability_high", "column.high", formats.percent),
    Column("expected_steps", "journey_map.steps", one),
    Column("verdict", "column.verdict", words="verdict"),
]
