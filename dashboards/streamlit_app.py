"""The managers' dashboards: navigation only; every page answers one question."""

import sys
from pathlib import Path

import streamlit as st

# `streamlit run` puts this folder on the path, not the project.
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from dashboards import data, formats, layout
from dashboards.text import t

PAGES = {
    "overview": ":material/monitoring:",
    "journey_map": ":material/map:",
    "cji": ":material/route:",
    "buyers": ":material/shopping_bag:",
    "attribution": ":material/hub:",
    "budget": ":material/savings:",
    "catalog": ":material/menu_book:",
    "weather_sales": ":material/partly_cloudy_day:",
    "customers": ":material/group:",
    "data_health": ":material/fact_check:",
}

folder = Path(__file__).resolve().parent
st.set_page_config(page_title="Netzplan", page_icon=str(folder / "icon.svg"), layout="wide")
st.html(folder / "style.css")
st.logo(str(folder / "logo.svg"), size="large")
with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute", key="head"):
    status = st.container(width="stretch")
    layout.language_switch()

overview, *others = (
    st.Page(
        folder / "app_pages" / f"{name}.py",
        title=t(f"{name}.title"),
        icon=icon,
        url_path="" if name == "overview" else name,
        default=name == "overview",
    )
    for name, icon in PAGES.items()
)


def to_overview() -> None:
    st.switch_page(overview, query_params={name: st.query_params.get_all(name) for name in st.query_params})


# Streamlit serves the first page at `/` only; who types its name as that of the others shall find it.
typed = st.Page(to_overview, title=t("overview.title"), url_path="overview", visibility="hidden")
page = st.navigation([overview, *others, typed], position="top")

try:
    version = data.use_latest()
except data.NothingPublishedError:
    st.title(t("state.nothing_title"), anchor=False)
    st.info(t("state.nothing"), icon=":material/rocket_launch:")
    st.stop()
except data.UnreadableError as error:
    st.title(t("state.unreadable_title"), anchor=False)
    st.error(t("state.unreadable"), icon=":material/healing:")
    st.code(str(error), language=None, wrap_lines=True)
    st.stop()

with status:
    st.caption(
        t(
            "state.as_of",
            day=formats.day(version.as_of_date, "long"),
            moment=formats.moment(version.published_at, version.timezone),
        )
        + (t("state.demo") if version.source_kind == "demo" else "")
        + (t("state.stopped") if data.stopped() else "")
    )
page.run()
