"""The Netzplan: stations in phase columns and channel lanes, lines as wide as their flow.

Between the two ends, tall like an interchange, every channel has its lane; what is reached on the site lies on a trunk
between the lanes. Moves onwards are drawn through, ways back dashed, and a line that ends in a bar ends without order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dashboards.look import ink, steps

#: Upper limits of the classes of conversion probability, the last one open.
CLASSES = (0.05, 0.1, 0.25, 0.5)
_WIDEST, _THINNEST = 15.0, 1.2
_POINTS = 18
_LANE = 32
_PHONE = 620

Point = tuple[float, float]


def probability_class(probability: float) -> int:
    """Return which of the five classes a conversion probability belongs to, 0 for the lowest."""
    return int(np.searchsorted(CLASSES, probability, side="right"))


def network(
    stations: pd.DataFrame,
    lines: pd.DataFrame,
    *,
    phases: dict[int, str],
    ends: tuple[str, str],
    classes: Sequence[str],
) -> tuple[dict[str, Any], int]:
    """Return the ECharts option of a map and the height it needs.

    Parameters
    ----------
    stations : DataFrame
        `node, node_kind, phase, name, reach` (conversion probability), `text` (it in words), `is_on_path, tip`, in the
        order of the lanes.
    lines : DataFrame
        `from_node, to_node, n, reach` (of the target), `is_on_path, is_faint, tip`.
    phases : dict of int to str
        Number and name of the columns, in order.
    ends : tuple of str
        What stands above the first and the last station; they have no text of their own.
    classes : sequence of str
        Words of the five classes of conversion probability.
    """
    places, height, right = _places(stations, list(phases))
    colours = steps()
    widest = max(float(lines["n"].max()) if len(lines) else 1.0, 1.0)
    drawn, casing, bars = [], [], []
    for line in lines.sort_values("n", ascending=False).to_dict("records"):
        width = max(_THINNEST, _WIDEST * line["n"] / widest)
        path, is_back = _path(line["from_node"], line["to_node"], places, right)
        style = {
            "width": round(width, 1),
            "color": colours[probability_class(line["reach"])],
            "opacity": 0.12 if line["is_faint"] else 0.9,
            "type": [6, 4] if is_back else "solid",
        }
        coords = [[round(x, 3), round(y, 3)] for x, y in path]
        drawn.append({"coords": coords, "name": line["tip"], "lineStyle": style})
        if line["is_on_path"]:
            casing.append({"coords": coords, "lineStyle": {"width": round(width + 6, 1)}})
        if line["to_node"] == "null":
            bars.append(
                {
                    "value": coords[-1],
                    "name": line["tip"],
                    "symbolSize": [3, round(width + 8)],
                    "itemStyle": {"color": style["color"], "opacity": style["opacity"]},
                }
            )
    small = {"fontSize": 10}
    top, bottom = -0.35, height + 0.35
    pills = [{"coords": [[x, top], [x, bottom]]} for x in (0, right)]
    lanes = stations[stations["node_kind"] == "touchpoint"]
    option = {
        "animation": False,
        "grid": {"left": 132, "right": 44, "top": 62, "bottom": 42, "containLabel": False},
        "xAxis": {"type": "value", "min": 0, "max": right, "show": False},
        "yAxis": {"type": "value", "min": top, "max": bottom, "inverse": True, "show": False},
        "tooltip": {
            "trigger": "item",
            "formatter": "{b}",
            "confine": True,
            "extraCssText": "white-space: pre-line; max-width: 280px;",
        },
        "visualMap": {
            "type": "piecewise",
            "orient": "horizontal",
            "left": "center",
            "bottom": 0,
            "itemWidth": 18,
            "itemHeight": 8,
            "itemGap": 10,
            "textGap": 5,
            "textStyle": {"color": ink("quiet"), "fontSize": 11},
            "seriesIndex": 5,
            "dimension": 2,
            "selectedMode": False,
            "pieces": [
                {"value": index, "label": words, "color": colours[index]} for index, words in enumerate(classes)
            ],
        },
        "series": [
            _lines([{"coords": [[0, places[node][1]], [right, places[node][1]]]} for node in lanes["node"]])
            | {"silent": True, "lineStyle": {"color": ink("hair"), "width": 1}},
            _lines(casing) | {"silent": True, "lineStyle": {"color": ink(), "opacity": 1}},
            _lines(drawn),
            {"type": "scatter", "symbol": "rect", "data": bars, "z": 4, "clip": False},
            _lines(
                [
                    {**pill, "lineStyle": {"color": colour, "width": width}}
                    for colour, width in ((ink(), 18), (ink("page"), 13))
                    for pill in pills
                ]
            )
            | {"silent": True, "z": 5, "lineStyle": {"cap": "round", "opacity": 1}},
            {
                "type": "scatter",
                "clip": False,
                "data": [_station(row, places) for row in stations.to_dict("records") if row["node"] in places],
                "z": 6,
                "label": {
                    "show": True,
                    "position": "top",
                    "distance": 3,
                    "formatter": "{@[3]}",
                    "color": ink(),
                    "fontSize": 11,
                    "fontWeight": "bold",
                    "lineHeight": 14,
                    "textBorderColor": ink("page"),
                    "textBorderWidth": 3,
                },
            },
            _words("lanes", [(0, places[row["node"]][1], row["name"]) for row in lanes.to_dict("records")], "left", 16),
            _words("phases", [(index + 1, top, name) for index, name in enumerate(phases.values())], "top", 14),
            _words("ends", [(0, top, ends[0]), (right, top, ends[1])], "top", 12) | {"z": 7},
        ],
    }
    phone = {
        "grid": {"left": 92, "right": 30, "top": 104},
        "visualMap": {"itemGap": 4, "itemWidth": 12, "textStyle": small},
        "series": [
            {},
            {},
            {},
            {},
            {},
            {"label": {**small, "formatter": "{@[4]}"}},
            {"label": {**small, "width": 76, "lineHeight": 11}},
            {"label": {**small, "rotate": 32, "align": "left", "offset": [-8, -24]}},
            {"label": small},
        ],
    }
    desk = {
        "series": [{}] * 5
        + [
            {"label": {"formatter": "{@[3]}"}},
            {"label": {"width": 112, "lineHeight": 14}},
            {"label": {"rotate": 0, "align": "center", "offset": [0, 0]}},
            {},
        ]
    }
    media = [{"query": {"maxWidth": _PHONE}, "option": phone}, {"option": desk}]
    return {"baseOption": option, "media": media}, round(_LANE * (height + 0.7)) + 104


def _places(stations: pd.DataFrame, phases: list[int]) -> tuple[dict[str, Point], float, float]:
    """Where each station lies: a column per phase, a lane per channel, the site's trunk in the middle of them."""
    right = float(len(phases) + 1)
    column = {phase: float(index + 1) for index, phase in enumerate(phases)}
    lanes = stations[stations["node_kind"] == "touchpoint"]
    trunk = stations[stations["node_kind"] == "micro_conversion"]
    depth = int(trunk.groupby("phase").size().max()) if len(trunk) else 0
    middle = (len(lanes) + 1) // 2
    room = depth * 1.5 + (0.5 if depth else 0)
    places: dict[str, Point] = {}
    for index, row in enumerate(lanes.to_dict("records")):
        places[row["node"]] = (column[int(row["phase"])], index + (room if index >= middle else 0.0))
    for _, group in trunk.groupby("phase"):
        for index, row in enumerate(group.to_dict("records")):
            level = middle - 0.5 + room / 2 + (index - (len(group) - 1) / 2) * 1.5
            places[row["node"]] = (column[int(row["phase"])], level)
    height = len(lanes) - 1 + room
    places["start"], places["conversion"] = (0.0, height / 2), (right, height / 2)
    return places, height, right


def _path(out: str, into: str, places: dict[str, Point], right: float) -> tuple[np.ndarray, bool]:
    """The points of a line, and whether it is a way back."""
    x, y = places[out]
    if out == "start":  # the ends are tall: a line leaves and reaches them on its own level
        return np.array([[0.0, places[into][1]], places[into]]), False
    if into == "null":
        return _curve((x, y), (x + 0.14, y), (x + 0.14, y + 0.44), (x + 0.32, y + 0.44)), False
    if out == into:
        return _curve((x, y), (x - 0.45, y - 0.95), (x + 0.45, y - 0.95), (x, y)), False
    to_x, to_y = (right, y) if into == "conversion" else places[into]
    if to_x > x:
        if y == to_y and any(x < px < to_x and py == y for px, py in places.values()):
            lift = 0.55 + 0.12 * (to_x - x)  # over the stations between, which it does not stop at
            return _curve((x, y), (x + 0.3, y - lift), (to_x - 0.3, y - lift), (to_x, y)), False
        half = (x + to_x) / 2
        return _curve((x, y), (half, y), (half, to_y), (to_x, to_y)), False
    if to_x == x:
        return _curve((x, y), (x - 0.45, y), (x - 0.45, to_y), (x, to_y)), True
    return _curve((x, y), (x - 0.05, to_y), (x - 0.35, to_y), (to_x, to_y)), True


def _curve(*controls: Point) -> np.ndarray:
    """Points of a cubic Bezier curve."""
    t = np.linspace(0, 1, _POINTS)[:, None]
    a, b, c, d = (np.array(point) for point in controls)
    return (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d


def _lines(data: list[dict[str, Any]]) -> dict[str, Any]:
    return {"type": "lines", "coordinateSystem": "cartesian2d", "polyline": True, "data": data, "z": 3, "clip": False}


def _station(row: Mapping[Any, Any], places: dict[str, Point]) -> dict[str, Any]:
    x, y = places[row["node"]]
    is_site = row["node_kind"] == "micro_conversion"
    words = f"{row['name']}\n{row['text']}" if is_site else row["text"]
    return {
        "name": row["tip"],
        "value": [x, y, probability_class(row["reach"]), words, row["text"]],
        "symbol": "roundRect" if is_site else "circle",
        "symbolSize": [30, 20] if is_site else 18 if row["is_on_path"] else 14,
        "itemStyle": {"borderColor": ink(), "borderWidth": 3 if row["is_on_path"] else 1.5, "opacity": 1},
    }


def _words(name: str, places: list[tuple[float, float, str]], position: str, distance: int) -> dict[str, Any]:
    return {
        "type": "scatter",
        "id": name,
        "silent": True,
        "clip": False,
        "symbolSize": 1,
        "itemStyle": {"color": "transparent"},
        "data": [{"value": [x, y], "name": words} for x, y, words in places],
        "label": {
            "show": True,
            "formatter": "{b}",
            "position": position,
            "distance": distance,
            "color": ink("strong" if name != "phases" else "quiet"),
            "fontSize": 12,
            "lineHeight": 14,
            **({"width": 112, "overflow": "break"} if name == "lanes" else {}),
        },
    }
