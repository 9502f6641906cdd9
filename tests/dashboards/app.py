"""Drives a page without a browser."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from streamlit.testing.v1 import AppTest

from tests.dashboards.serving_fixture import ROOT

PAGES = (
    "overview", "journey_map", "cji", "buyers", "attribution", "budget", "catalog", "weather_sales", "customers",
    "data_health",
)  # fmt: skip


def open_page(page: str, language: str = "en", **parameters: str | list[str]) -> AppTest:
    """Open a page as a link with these URL parameters would."""
    app = AppTest.from_file(str(ROOT / "dashboards" / "streamlit_app.py"), default_timeout=120)
    for name, value in {"lang": language, **parameters}.items():
        app.query_params[name] = value
    if page != "overview":
        app.switch_page(f"app_pages/{page}.py")
    return app.run()


@contextmanager
def published_tables(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open what is published in a data folder, beside the page that has it open with its own configuration."""
    serving = folder / "serving"
    file = serving / json.loads((serving / "current.json").read_text(encoding="utf-8"))["file"]
    with duckdb.connect() as connection:
        connection.execute(f"attach '{file}' as published (read_only)")
        connection.execute("use published")
        yield connection


def in_url(app: AppTest, name: str) -> str | None:
    """Return what the URL holds for a parameter."""
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def words(app: AppTest) -> str:
    """Everything the page says in prose, Markdown escapes removed."""
    boxes = [*app.info, *app.success, *app.warning, *app.error, *app.markdown, *app.caption, *app.title, *app.subheader]
    return "\n".join(box.value for box in boxes).replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")
