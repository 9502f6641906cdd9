"""How charts look: colours for both themes and for colour-blind readers, and axes in the page's language.

The categorical colours are the Okabe-Ito set, lightened for the dark theme; charts double every colour by a shape, a
dash or a number.
"""

from __future__ import annotations

import altair as alt
import streamlit as st
from altair.utils import schemapi

from dashboards import data, formats

# Checking every part of a chart at the moment it is made takes half the time of a page; the whole is checked anyway.
schemapi.disable_debug_mode()

_LIGHT = ["#0072b2", "#d55e00", "#009e73", "#b5579a", "#b98500", "#3a9bd5", "#5b6b7b", "#17202a"]
_DARK = ["#5cb8f2", "#ff9350", "#3fc7a4", "#e59ccb", "#f0c04c", "#9bd3f7", "#a9b6c3", "#e8edf2"]
SHAPES = ["circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left"]


def is_dark() -> bool:
    """Whether the reader's theme is dark."""
    return st.context.theme.type == "dark"


def palette() -> list[str]:
    """Return the categorical colours for the reader's theme."""
    return _DARK if is_dark() else _LIGHT


def ink(strength: str = "strong") -> str:
    """Return the colour of text, of quiet text, of hairlines or of the page itself in the reader's theme."""
    light = {"strong": "#17202a", "quiet": "#5b6b7b", "hair": "#d9e0e7", "page": "#ffffff"}
    dark = {"strong": "#e8edf2", "quiet": "#a9b6c3", "hair": "#2f3a46", "page": "#11161c"}
    return (dark if is_dark() else light)[strength]


def below_above() -> list[str]:
    """Return the diverging scale: orange below, the page's own grey in the middle, blue above."""
    return (
        ["#c75300", "#7a4a2a", "#2c353f", "#2b5a80", "#3f9fe0"]
        if is_dark()
        else ["#d55e00", "#f3b98a", "#f1f3f5", "#9cc7e6", "#0072b2"]
    )


def steps() -> list[str]:
    """Return five steps from low to high: orange, grey, blue, all of them visible as a line on the page."""
    return (
        ["#ff8a3d", "#c99a78", "#8f9ba8", "#4fa8e3", "#a6dcff"]
        if is_dark()
        else ["#d55e00", "#e0a070", "#8d99a6", "#4a9fd8", "#00558a"]
    )


def finish(
    chart: alt.LayerChart | alt.Chart, height: int | alt.Step | None = None, legend_columns: int = 2
) -> alt.LayerChart:
    """Give a chart the page's number language and calm axes."""
    if height is not None:
        chart = chart.properties(height=height)
    return (
        chart.configure(locale=formats.vega_locale(data.version().currency))
        .configure_axis(labelLimit=190, grid=True, domain=False, ticks=False, titleFontWeight="normal")
        .configure_legend(
            orient="bottom", title=None, labelLimit=220, labelFontSize=11, columns=legend_columns, columnPadding=8
        )
        .configure_view(strokeWidth=0)
    )
