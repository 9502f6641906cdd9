"""The frame every page shares: heading, filters that live in the URL, charts with their table and downloads."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any, Literal, NoReturn

import altair as alt
import pandas as pd
import streamlit as st

from dashboards import data, downloads, formats
from dashboards.text import LANGUAGES, browser_language, catalogue, label, language, t

# Fits a phone, and keeps drop-downs from growing over a whole screen.
FIELD_WIDTH = 320
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+|~$:!])")


@dataclass(frozen=True, slots=True)
class Column:
    """How a column of a table is headed and written.

    Attributes
    ----------
    name : str
        Column of the frame.
    heading : str
        Text key of the heading.
    write : callable or None
        Formats a value for the eye; downloads keep the value itself.
    words : str or None
        Vocabulary whose words replace the values.
    """

    name: str
    heading: str
    write: Callable[[Any], str] | None = None
    words: str | None = None


def plain(value: Any) -> str:
    """Escape Markdown in a value that comes from data, so that a name can never become a link or a formula."""
    return _MARKDOWN.sub(r"\\\1", str(value))


def say(key: str, **values: Any) -> str:
    """Return a text for Markdown, its values escaped."""
    return t(key, **{name: plain(value) for name, value in values.items()})


def question(page: str) -> None:
    """Write the page's question and what its answer rests on."""
    st.title(t(f"{page}.question"), anchor=False)
    st.caption(t(f"{page}.about"))


def answer(*sentences: str, tone: str = "info") -> None:
    """Write the answer in words, before any chart; `tone` is info, good, warn or quiet."""
    icon = {"info": ":material/lightbulb:", "good": ":material/check_circle:", "warn": ":material/warning:"}.get(tone)
    box = {"good": st.success, "warn": st.warning}.get(tone, st.info)
    box("  \n".join(sentence for sentence in sentences if sentence), icon=icon or ":material/help:")


def choice(
    name: str,
    options: Sequence[str],
    *,
    words: Callable[[str], str],
    heading: str,
    default: str | None = None,
    style: str = "select",
    help_key: str | None = None,
    label_visibility: Literal["visible", "collapsed"] = "visible",
    always_in_url: bool = False,
) -> str:
    """Offer a choice that is kept in the URL and from page to page.

    Streamlit's own binding writes the *translated* label into the URL, so that a link opened in the other language
    loses its filter; here the URL holds the option itself. An unknown value in the URL is ignored.

    Parameters
    ----------
    name : str
        Name of the URL parameter.
    options : sequence of str
        The values, in the order shown.
    words : callable
        Option -> label in the reader's language.
    heading : str
        Text key of the field's label.
    default : str, optional
        Shown when the URL names nothing; first option if absent. Never written to the URL.
    style : {"select", "buttons"}
        A drop-down, or buttons for a handful of options.
    always_in_url : bool
        For a default that depends on the data: tomorrow's may differ, and a link must not.
    """
    default = default if default in options else options[0]
    widget, kept = f"{name}_choice", f"{name}_kept"
    if st.session_state.get(widget) not in options:
        wanted = st.query_params.get(name, st.session_state.get(kept))
        st.session_state[widget] = wanted if wanted in options else default
    labels = {option: words(option) for option in options}
    show = (
        partial(st.selectbox, width=FIELD_WIDTH)
        if style == "select"
        else partial(st.segmented_control, required=True, wrap=True)
    )
    chosen = str(
        show(
            t(heading),
            options,
            format_func=lambda option: labels.get(option, str(option)),
            key=widget,
            help=t(help_key) if help_key else None,
            label_visibility=label_visibility,
        )
    )
    st.session_state[kept] = chosen
    if chosen == default and not always_in_url:
        st.query_params.pop(name, None)
    elif st.query_params.get(name) != chosen:
        st.query_params[name] = chosen
    return chosen


def language_switch() -> None:
    """Offer the page in German and English; the browser's wish is the default."""
    choice(
        "lang",
        LANGUAGES,
        words=str.upper,
        heading="filter.language",
        default=browser_language(),
        style="buttons",
        label_visibility="collapsed",
    )


def free_range(first: date, last: date, default: tuple[date, date]) -> tuple[date, date]:
    """Offer a free range of days between two limits; the URL holds ISO days (`range=2026-01-01&range=2026-01-31`)."""
    chosen = _date_field("range", "filter.range", default, first, last)
    if isinstance(chosen, tuple) and len(chosen) == 2:
        return chosen
    st.caption(t("filter.range_half"))
    return default


def last_days(first: date, last: date, days: int) -> tuple[date, date]:
    """Return the last days of the data, as many of them as there are."""
    return max(first, last - timedelta(days=days - 1)), last


def period(first: date, last: date, presets: Sequence[str] = ("7", "28", "90", "365")) -> tuple[date, date]:
    """Offer periods that end with the data, or a free range.

    Parameters
    ----------
    first, last : date
        Days the data covers.
    presets : sequence of str
        Lengths in days.
    """
    days = choice(
        "period",
        [*presets, "free"],
        words=partial(label, "period"),
        heading="filter.period",
        default="28",
        style="buttons",
    )
    if days == "free":
        return free_range(first, last, last_days(first, last, 28))
    return last_days(first, last, int(days))


def filters() -> Any:
    """Return the row the filters stand in: side by side on a desk, one below the other on a phone."""
    return st.container(horizontal=True, vertical_alignment="bottom", gap="medium", key="filters")


def single_day(first: date, last: date, heading: str) -> date:
    """Offer one day between two limits; the URL holds it as `day=2026-01-31`."""
    chosen = _date_field("day", heading, last, first, last)
    return chosen if isinstance(chosen, date) else last


def _date_field(name: str, heading: str, value: date | tuple[date, date], first: date, last: date) -> Any:
    """Offer a day, or a range where the default is one; the URL holds it under `name`."""
    return st.date_input(
        t(heading),
        value=value,
        min_value=first,
        max_value=last,
        key=name,
        bind="query-params",
        format="DD.MM.YYYY" if language() == "de" else "DD/MM/YYYY",
        width=FIELD_WIDTH,
    )


def windows(known: Collection[str]) -> list[str]:
    """Return the reporting windows that are there, the shortest first."""
    return [name for name in ("last_28_days", "last_90_days", "last_365_days", "all") if name in known]


def window_choice(options: Sequence[str]) -> str:
    """Offer reporting windows."""
    return choice(
        "window",
        options,
        words=partial(label, "window"),
        heading="filter.period",
        default="last_90_days",
        style="buttons",
    )


def segment_words(segment: str, *, everyone: str) -> str:
    """Write 'device=mobile|channel=email' as a person would; `everyone` is the text key of 'all'."""
    if segment == "all":
        return t(everyone)
    return " · ".join(label(*part.split("=", 1)) for part in segment.split("|"))


def cents(value: Any) -> str:
    """Write money of the published data to the cent."""
    return formats.money(value, data.version().currency, 2)


def whole_money(value: Any) -> str:
    """Write money of the published data without cents."""
    return formats.money(value, data.version().currency)


def recommendation(advice: dict[str, Any] | None, phase_model: str) -> None:
    """Write where to act, or why nothing is recommended.

    Parameters
    ----------
    advice : dict or None
        The row of `cji_recommendation.sql`.
    phase_model : str
        Names the phases.
    """
    if advice is None or advice["verdict"] == "not enough data" or advice["phase"] is None:
        answer(t("advice.not_enough"), tone="quiet")
        return
    values = {
        "phase": f"{int(advice['phase'])} {label(f'phase.{phase_model}', int(advice['phase']))}",
        "money": whole_money(advice["money_at_stake_eur"]),
        "confidence": formats.percent(advice["confidence"], 0),
        "campaign": advice["campaign"] or formats.MISSING,
    }
    if advice["second_phase"] is not None:
        second = int(advice["second_phase"])
        values["second"] = f"{second} {label(f'phase.{phase_model}', second)}"
        values["second_money"] = whole_money(advice["second_money_at_stake_eur"])
    lines = [say("advice.act" if advice["verdict"] == "act" else "advice.unclear", **values)]
    if "second" in values:
        lines.append(say("advice.second", **values))
    if advice["confidence"] is not None:
        lines.append(say("advice.confidence" if advice["verdict"] == "act" else "advice.doubt", **values))
    answer(*lines, tone="good" if advice["verdict"] == "act" else "quiet")


def empty(page: str, reason: str = "empty") -> NoReturn:
    """Say why there is nothing to show and what to do, and end the page."""
    st.info(t(f"{page}.{reason}"), icon=":material/inbox:")
    st.stop()


def show(chart: alt.LayerChart | Mapping[str, Any], *, alternative: str, height: int | None = None) -> None:
    """Draw an Altair chart or an ECharts option with its alternative text."""
    if isinstance(chart, Mapping):
        st.echarts_chart(chart, height=height or 260, alt=alternative)
    else:
        st.altair_chart(chart, alt=alternative, width="stretch")


def table(frame: pd.DataFrame, columns: Sequence[Column], *, name: str, opened: bool = False) -> None:
    """Put the numbers behind a chart below it: a table to read and the same rows as CSV and Excel.

    Parameters
    ----------
    frame : DataFrame
        The rows of the chart.
    columns : sequence of Column
        What to show, in order.
    name : str
        Start of the file names, and unique on the page.
    opened : bool
        Whether the table is the message itself rather than its backup.
    """
    place = st.container(key=f"table_{name}") if opened else st.expander(t("table.title"), icon=":material/table:")
    shown = worded(frame, columns)
    writers: dict[Any, Any] = {t(column.heading): column.write for column in columns if column.write}
    here = language()
    file_name = f"netzplan_{name}_{data.version().as_of_date or ''}"
    with place:
        st.dataframe(
            shown.style.format(writers, na_rep=formats.MISSING),
            placeholder=formats.MISSING,
            hide_index=True,
            width="stretch",
            alt=t("table.alt", name=t(f"table.{name}")),
            height="auto" if len(shown) < 12 else 420,
        )
        with st.container(horizontal=True, gap="small"):
            st.download_button(
                t("table.csv"),
                partial(downloads.csv, shown, here),
                f"{file_name}.csv",
                "text/csv",
                key=f"{name}_csv",
                icon=":material/download:",
                on_click="ignore",
            )
            st.download_button(
                t("table.excel"),
                partial(downloads.excel, shown, t(f"table.{name}")),
                f"{file_name}.xlsx",
                "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
                key=f"{name}_xlsx",
                icon=":material/download:",
                on_click="ignore",
            )


def wording(columns: Sequence[Column]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """Return a function that puts columns under their headings, with words for values of a vocabulary.

    It keeps the language of the session, and can be called where there is none.
    """
    here = language()

    def worded(frame: pd.DataFrame) -> pd.DataFrame:
        result = pd.DataFrame(index=frame.index)
        for column in columns:
            values = frame[column.name]
            if column.words:
                values = values.map(partial(label, column.words, of=here), na_action="ignore")
            result[catalogue(here)[column.heading]] = values
        return result

    return worded


def worded(frame: pd.DataFrame, columns: Sequence[Column]) -> pd.DataFrame:
    """Return the columns under their headings, words for values of a vocabulary."""
    return wording(columns)(frame)
