"""Every page in both languages: it opens, and its answer is the right one for planted data."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.dashboards.app import PAGES, in_url, open_page, published_tables, words
from tests.dashboards.serving_fixture import ROOT, build

ANSWERS = {
    ("overview", "de"): ["Wie stehen wir da?", "Umsatz lag in den letzten 28 Tagen", "5 Kasse", "4 von 5 Datenquellen"],
    ("overview", "en"): ["How are we doing?", "Revenue was", "5 Checkout", "4 of 5 data feeds"],
    ("cji", "de"): ["In welcher Phase", "Klar unter dem Vergleichswert: **5 Kasse**", "31.400 €", "Chat an der Kasse"],
    ("cji", "en"): ["In which phase", "Clearly below the benchmark: **5 Checkout**", "€31,400", "Chat at checkout"],
    ("journey_map", "de"): [
        "Welchen Weg nehmen die Menschen?",
        "Der wahrscheinlichste einzelne Weg ist **Start → Bezahlte Suche → Produktansicht → Warenkorb → Kasse",
        "Die meisten anderen enden nach **Newsletter**",
    ],
    ("journey_map", "en"): [
        "Which way do people go?",
        "Start → Paid search → Product view",
        "end after **Newsletter**",
    ],
    ("buyers", "de"): ["Worin unterscheiden sich Käufer", "Bei Käufern klar häufiger: **Katalog +19,0 Punkte"],
    ("buyers", "en"): ["How do buyers differ", "Clearly less often among buyers: **Newsletter -25.0 points"],
    ("attribution", "de"): ["nicht einig", "Direkt (Letzter Kontakt)", "**Display** bekommt 1 % (Letzter Kontakt)"],
    ("attribution", "en"): ["do not agree", "Direct (Last contact)", "**Display** gets 1% (Last contact) to 15%"],
    ("budget", "de"): [
        "Wohin mit dem nächsten Euro?",
        "Bezahltes Social +1.500",
        "3.900 € mehr Umsatz (2.880 € – 5.040 €)",
        "Katalog, Newsletter",
    ],
    ("budget", "en"): [
        "Where should the next euro go?",
        "Paid search -1,500",
        "€3,900 more revenue",
        "Catalog, Newsletter",
    ],
    ("weather_sales", "de"): ["**Belegt**", "Getränke: bis 40 Grad", "1 von 20 geprüften Paaren"],
    ("weather_sales", "en"): ["**Supported**", "Drinks: 4 units more", "1 of 20 pairs"],
    ("data_health", "de"): [
        "spend (verspätet)",
        "627.579 Zeilen kamen an, 25",
        "keine ging verloren",
        "1 von 24 Prüfungen",
    ],
    ("catalog", "de"): [
        "Noch offen",
        "Noch in Beobachtung: Herbst",
        "Anschreiben: Stammkunde",
    ],
    ("catalog", "en"): ["cannot be told yet", "Still being watched: Herbst", "Mail: Stammkunde"],
    ("customers", "de"): ["bestellen voraussichtlich in den nächsten 90 Tagen", "Nicht bestimmbar"],
    ("customers", "en"): ["are expected to order again within 90 days", "Not identified"],
    ("data_health", "en"): ["spend (late)", "627,579 rows arrived, 25", "none was lost", "1 of 24 checks"],
}


@pytest.fixture(autouse=True)
def _data(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(published))


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_a_page_answers_its_question(page: str, language: str) -> None:
    app = open_page(page, language)
    assert not app.exception
    text = words(app)
    for expected in ANSWERS[page, language]:
        assert expected in text
    assert ("31. Oktober 2026" if language == "de" else "31 October 2026") in text


def test_headline_numbers_are_those_of_the_period(published: Path) -> None:
    app = open_page("overview", "de", period="7")
    with published_tables(published) as connection:
        visits, revenue = connection.execute(
            "select sum(sessions), sum(revenue_eur) from marts.rpt_kpis_daily where kpi_date > date '2026-10-24'"
        ).fetchall()[0]
    shown = {metric.label: metric.value for metric in app.metric}
    assert shown["Besuche"] == f"{visits:,}".replace(",", ".")
    assert shown["Umsatz"].replace("\N{NO-BREAK SPACE}", "") == f"{revenue:,.0f}€".replace(",", ".")


def test_a_link_shows_the_same_view() -> None:
    app = open_page("cji", segment="device=mobile", model="akanoo2018", span="all")
    text = words(app)
    assert "Mobile: the index is" in text
    assert "Order to check-out" in " ".join(str(frame.value) for frame in app.dataframe)
    german = open_page("cji", "de", segment="device=mobile", model="akanoo2018", span="all")
    assert "Handy: Der Index beträgt" in words(german)


def test_a_choice_goes_to_the_url_as_the_value_and_a_default_leaves_it() -> None:
    app = open_page("cji", "de")
    assert in_url(app, "segment") is None
    app.selectbox(key="segment_choice").select("device=mobile").run()
    assert in_url(app, "segment") == "device=mobile"
    app.selectbox(key="segment_choice").select("all").run()
    assert in_url(app, "segment") is None


def test_a_free_range_is_kept_in_the_url_and_shown() -> None:
    app = open_page("overview", period="free", range=["2026-03-01", "2026-03-10"])
    assert not app.exception
    assert "last 10 days" in words(app)


def test_the_overview_is_found_at_its_name_too_with_its_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    navigation, offered = st.navigation, []
    monkeypatch.setattr(st, "navigation", lambda pages, **known: offered.extend(pages) or navigation(pages, **known))
    app = AppTest.from_file(str(ROOT / "dashboards" / "streamlit_app.py"), default_timeout=120)
    for name, value in {"lang": "en", "period": "free", "range": ["2026-03-01", "2026-03-10"]}.items():
        app.query_params[name] = value
    app.switch_page("app_pages/overview.py").run()  # before a run the address of a page is the name of its file
    assert not app.exception
    assert "last 10 days" in words(app)
    assert {page.url_path for page in offered} == {"", *PAGES}


def test_the_language_can_be_switched_without_losing_a_filter() -> None:
    app = open_page("cji", "en", segment="device=mobile")
    app.segmented_control(key="lang_choice").set_value("de").run()
    assert "Handy: Der Index beträgt" in words(app)
    assert in_url(app, "segment") == "device=mobile"


@pytest.mark.parametrize("attack", ["'; drop table marts.fct_cji; --", "{0.__class__}<script>"])
@pytest.mark.parametrize("page", PAGES)
def test_nothing_in_the_url_reaches_a_query_as_text(page: str, attack: str) -> None:
    names = (
        "segment",
        "model",
        "window",
        "measure",
        "level",
        "by_model",
        "region",
        "category",
        "variable",
        "outcome",
        "mailing",
        "taste",
        "score",
        "arm",
        "period",
        "part",
        "span",
        "by",
        "kpi",
        "lang",
        "day",
        "range",
        "against",
        "lines",
        "station",
        "stage",
        "at",
        "to",
        "moved",
        "product",
        "trait",
        "before",
        "lang_choice",
    )
    app = open_page(page, **dict.fromkeys(names, attack))
    assert not app.exception
    assert attack not in words(app)


def test_names_from_data_stay_text() -> None:
    app = open_page("attribution", level="campaign")
    assert not app.exception
    raw = "\n".join(box.value for box in [*app.info, *app.warning])
    assert "[email](http" not in raw
    assert "\\*\\*Herbst\\*\\*" in raw or "Herbst" not in raw


def test_a_free_range_shows_rule_models_and_says_why() -> None:
    app = open_page("attribution", window="free", range=["2026-09-01", "2026-09-30"])
    assert "only the rule models" in words(app)
    models = set(app.selectbox(key="by_model_choice").options)
    assert "Markov" not in models
    assert "Linear" in models


def test_no_clear_bottleneck_and_too_few_visits_are_said() -> None:
    assert "No clear bottleneck" in words(open_page("cji", segment="visitor=new"))
    tiny = words(open_page("cji", segment="device=mobile|channel=email|visitor=new"))
    assert "Not enough data" in tiny
    assert "Fewer than 30 visits" in tiny


def test_what_only_moves_along_is_not_called_an_effect() -> None:
    """Weather and holidays are supported; spend that goes with revenue is marked, and the page says why."""
    app = open_page("weather_sales")
    text = words(app)
    assert "- ✓ Revenue rises up to 31.5 degrees." in text
    assert "- ✓ Revenue falls on a public holiday." in text
    assert "- ↔ **Advertising** moves along." in text
    assert "budgets follow demand" in text
    assert "Budgets folgen der Nachfrage" in words(open_page("weather_sales", "de"))
    table = next(frame.value for frame in app.dataframe if "Outside" in frame.value)
    assert len(table) == 54
    assert set(table["Verdict"]) == {"Supported", "Moves along, no effect", "Season only", "Too little data"}
    assert {"Spend Paid search, EUR", "Advertising spend, EUR", "spend_unknown"} <= set(table["Outside"])
    assert "Nothing outside moves with it" in words(open_page("weather_sales", outcome="visits"))


def test_season_only_and_too_little_data_get_no_curve() -> None:
    season = words(open_page("weather_sales", category="Garten"))
    assert "Season only" in season
    assert "No curve is drawn" in season
    assert "Too little data" in words(open_page("weather_sales", region="BY", category="Mode"))


@pytest.mark.parametrize("part", ["feeds", "deliveries", "checks", "quarantine", "traffic", "definitions"])
def test_data_health_has_all_its_parts(part: str) -> None:
    app = open_page("data_health", "de", part=part)
    assert not app.exception
    assert len(app.dataframe) == 1


@pytest.mark.parametrize("language", ["de", "en"])
def test_before_the_first_run_a_page_says_what_to_do(
    language: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    app = open_page("attribution", language)
    assert not app.exception
    assert "make demo" in words(app)


@pytest.mark.parametrize("damage", ["pointer", "file", "missing"])
def test_a_damaged_version_is_explained(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    serving = tmp_path / "serving"
    serving.mkdir()
    pointer = {"pointer": "{half", "file": '{"file": "x.duckdb"}', "missing": '{"file": "gone.duckdb"}'}[damage]
    (serving / "current.json").write_text(pointer)
    (serving / "x.duckdb").write_bytes(b"not a database" * 500)
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    app = open_page("overview")
    assert not app.exception
    assert "can't be read" in words(app)


def test_a_pointer_cannot_lead_out_of_the_folder(
    tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "serving").mkdir()
    (tmp_path / "serving" / "current.json").write_text(json.dumps({"file": f"{published}/serving/run-1.duckdb"}))
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    assert "can't be read" in words(open_page("overview"))


@pytest.mark.parametrize("page", PAGES)
def test_empty_tables_are_a_state_not_an_error(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, last_day=None, filled=False)
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    app = open_page(page)
    assert not app.exception
    assert len([*app.info, *app.success, *app.warning]) >= 1


def test_an_open_page_moves_to_a_new_version_on_its_next_rerun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    build(tmp_path, run_id="one")
    app = open_page("overview")
    before = next(metric.value for metric in app.metric if metric.label == "Revenue")
    build(tmp_path, run_id="two", factor=2.0, last_day=date(2026, 11, 1))
    (tmp_path / "serving" / "one.duckdb").unlink()
    app.run()
    assert not app.exception
    after = next(metric.value for metric in app.metric if metric.label == "Revenue")
    assert "1 November 2026" in words(app)
    assert float(after[1:].replace(",", "")) > 1.8 * float(before[1:].replace(",", ""))


def test_a_run_that_stopped_is_told_until_something_newer_is_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.defs.serving.stopped import write_note
    from tests.dashboards.serving_fixture import build

    build(tmp_path)
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(tmp_path))
    write_note(tmp_path / "serving", "run-1", "raw/orders", "earlier")
    write_note(tmp_path / "serving", "run-2", "raw/orders", "erp: orders_20261101.csv does not exist; deliver it")
    app = open_page("data_health")
    assert not app.exception
    shown = words(app)
    assert "stopped (raw/orders)" in shown
    assert "nothing newer than" in shown
    assert "orders_20261101.csv does not exist; deliver it" in app.code[0].value
    assert "earlier" not in shown
    note = json.loads((tmp_path / "serving" / "stopped.json").read_text())
    (tmp_path / "serving" / "stopped.json").write_text(json.dumps({**note, "failed_at": "2026-10-31T05:00:00+00:00"}))
    assert "stopped" not in words(open_page("data_health"))


@pytest.mark.parametrize("language", ["de", "en"])
@pytest.mark.parametrize("page", PAGES)
def test_every_file_of_a_page_can_be_downloaded(
    page: str, language: str, published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit asks for a file when its button is pressed, in a thread that has no session."""
    files = {}
    monkeypatch.setattr(st, "download_button", lambda label, data, name, *_, key, **__: files.update({key: data}))
    assert not open_page(page, language).exception
    with ThreadPoolExecutor(1) as thread:
        contents = {key: thread.submit(read).result() for key, read in files.items()}
    assert contents
    assert all(contents.values())
    if page == "catalog":
        with published_tables(published) as connection:
            to_mail = connection.execute("select count(*) from marts.fct_catalog_targets where is_mailed").fetchall()
        lines = contents["catalog_download"].decode("utf-8-sig").splitlines()
        assert lines[0].split({"de": ";", "en": ","}[language])[1] == {"de": "Kunde", "en": "Customer"}[language]
        assert [(len(lines) - 1,)] == to_mail
