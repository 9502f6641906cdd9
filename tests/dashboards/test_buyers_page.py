"""Buyers and the others: what differs is said with its interval, and what is too little is said to be."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboards.app import in_url, open_page, words


@pytest.fixture(autouse=True)
def data_dir(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(published))


def test_only_clear_differences_are_named() -> None:
    text = words(open_page("buyers"))
    assert "Clearly more often among buyers: **Catalog +19.0 points (+17.0 – +21.0)**." in text
    assert "Clearly less often among buyers: **Newsletter -25.0 points (-27.0 – -23.0)**." in text
    assert "Fewer than 30 journeys, so neither drawn nor ranked: TV." in text
    assert "need not have made them buy" in text


def test_visits_contacts_and_days_stand_with_their_difference() -> None:
    app = open_page("buyers", "de")
    assert {metric.label: metric.value for metric in app.metric} == {
        "Web-Besuche je Reise": "3,10 zu 1,90",
        "Kontakte je Reise": "4,20 zu 2,40",
        "Tage je Reise": "6,50 zu 6,40",
    }
    assert "Käufer gegen andere: +1,20 (+0,95 – +1,45). Belegt." in words(app)
    assert "Käufer gegen andere: +0,10 (-0,15 – +0,35). Kein klarer Unterschied." in words(app)


def test_a_category_with_a_handful_of_orders_gets_no_answer() -> None:
    app = open_page("buyers", product="Garten")
    assert not app.exception
    text = words(app)
    assert "Not enough data: 12 journeys with an order and 300 without" in text
    assert {metric.value for metric in app.metric} == {"–"}
    assert "Clearly" not in text


def test_categories_are_ranked_without_the_tiny_ones() -> None:
    app = open_page("buyers", before="days")
    ranked = next(frame.value for frame in app.dataframe if next(iter(frame.value.columns)) == "Product category")
    assert list(ranked["Product category"]) == ["Mode", "Getränke"]
    assert "neither drawn nor ranked: Garten" in words(app)


@pytest.mark.parametrize("trait", ["channel", "touchpoint_type", "device", "page_type"])
def test_every_trait_has_its_table_with_all_rows(trait: str) -> None:
    app = open_page("buyers", trait=trait)
    assert not app.exception
    assert in_url(app, "trait") == (None if trait == "channel" else trait)
    rows = next(frame.value for frame in app.dataframe if "Share with an order" in frame.value.columns)
    assert len(rows) == (4 if trait == "channel" else 2)
    assert ((rows["Share with an order"] - rows["Share without"] - rows["Difference"]).abs() < 1e-9).all()
    assert "[x](http" not in "\n".join(box.value for box in [*app.info, *app.caption])
