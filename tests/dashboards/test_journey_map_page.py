"""The journey map: what is drawn, listed and summed is what was counted, and a what-if is the chain solved again."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from dashboards import answers
from ml.journey_map import absorbing_chain
from tests.dashboards.app import in_url, open_page, published_tables, words

WINDOW = "last_28_days"


@pytest.fixture(autouse=True)
def data_dir(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(published))


def edges_of(published: Path, segment: str = "all", window: str = WINDOW) -> pd.DataFrame:
    with published_tables(published) as connection:
        return connection.execute(
            "select from_node, to_node, n from marts.fct_journey_edges where window_name = ? and segment = ?",
            [window, segment],
        ).df()


def table(app: AppTest, *columns: str) -> pd.DataFrame:
    return next(frame.value for frame in app.dataframe if set(columns) <= set(frame.value.columns))


def drawn(app: AppTest, place: int = 0) -> list[str]:
    """What the tips of the drawn lines say."""
    series = json.loads(app.get("echarts_chart")[place].proto.spec)["baseOption"]["series"]
    return [line["name"] for line in series[2]["data"]]


def facts(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


@pytest.mark.parametrize("lines", ["main", "all"])
def test_thin_lines_are_hidden_and_still_count(published: Path, lines: str) -> None:
    edges = edges_of(published)
    thin = edges[edges["n"] < 10]
    assert len(thin)
    app = open_page("journey_map", window=WINDOW, lines=lines)
    tips = drawn(app)
    assert len(tips) == len(edges) - len(thin) if lines == "all" else len(tips) <= len(edges) - len(thin)
    assert min(int(re.search(r"([\d,]+) moves", tip)[1].replace(",", "")) for tip in tips) >= 10
    shown = table(app, "From", "To", "Moves")
    assert shown["Moves"].sum() == edges["n"].sum()
    assert shown["Moves"].iloc[-1] == thin["n"].sum()
    share = thin["n"].sum() / edges["n"].sum()
    assert f"{len(thin)} of {len(edges)} lines have fewer than 10 moves" in words(app)
    assert f"they hold {share:.1%} of all moves" in words(app)


def test_the_map_says_in_words_what_it_shows(published: Path) -> None:
    app = open_page("journey_map", window=WINDOW)
    alternative = app.get("echarts_chart")[0].proto.alt
    assert "Start → Paid search → Product view → Basket → Checkout → Order" in alternative
    assert re.search(r"Checkout \d+%", alternative)
    classes = json.loads(app.get("echarts_chart")[0].proto.spec)["baseOption"]["visualMap"]["pieces"]
    assert [piece["label"] for piece in classes][::4] == ["under 5%", "50% and more"]


def test_a_station_shows_all_its_lines_and_lists_them(published: Path) -> None:
    app = open_page("journey_map", window=WINDOW, station="product_view")
    edges = edges_of(published)
    mine = edges[(edges["from_node"] == "product_view") | (edges["to_node"] == "product_view")]
    shown = table(app, "From", "To", "Moves")
    assert shown["Moves"].sum() == mine["n"].sum()
    assert (shown[["From", "To"]].iloc[:-1] == "Product view").any(axis=1).all()
    app.selectbox(key="station_choice").select("checkout").run()
    assert in_url(app, "station") == "checkout"


def test_funnel_and_drop_offs_say_the_numbers_of_the_map(published: Path) -> None:
    app = open_page("journey_map", window=WINDOW, stage="checkout")
    edges = edges_of(published)
    out = edges[edges["from_node"] == "checkout"].set_index("to_node")["n"]
    assert (
        f"Of {out.sum()} moves out of Checkout, {out['conversion']} went onwards, {out['null']} ended the journey, "
        f"{out['direct']} came back later through a channel" in words(app)
    )
    funnel = table(app, "Journeys", "Moves out of it").set_index("Station")
    stations = table(app, "Journeys", "Times passed").set_index("Station")
    assert funnel["Journeys"].to_dict() == stations.loc[funnel.index, "Journeys"].to_dict()
    listed = table(app, "Went to", "Moves").set_index("Went to")["Moves"]
    assert listed["Journey ended"] == out["null"]
    assert listed["Direct (came back)"] == out["direct"]


@pytest.mark.parametrize(
    ("at", "to"), [("product_view", "add_to_cart"), ("checkout", "conversion"), ("email", "direct")]
)
@pytest.mark.parametrize("share", [0, 10, 100])
def test_a_what_if_is_the_map_solved_again(published: Path, at: str, to: str, share: int) -> None:
    app = open_page("journey_map", window=WINDOW, at=at, to=to, moved=str(share))
    edges = edges_of(published).rename(columns={"from_node": "from", "to_node": "to"})
    lost = edges.loc[(edges["from"] == at) & (edges["to"] == "null"), "n"].sum()
    moved = edges.astype({"n": float})
    moved.loc[(moved["from"] == at) & (moved["to"] == "null"), "n"] -= lost * share / 100
    moved = pd.concat([moved, pd.DataFrame([{"from": at, "to": to, "n": lost * share / 100}])])
    before, after = (
        absorbing_chain(rows, start="start", main="conversion", null="null").conversion_probability[-1]
        for rows in (edges, moved)
    )
    journeys = edges.loc[edges["from"] == "start", "n"].sum()
    orders = edges.loc[edges["to"] == "conversion", "n"].sum()
    assert before == pytest.approx(orders / journeys)
    shown = facts(app)
    assert shown["Order chance"] == f"{after:.2%}"
    assert f"from {before:.2%}: " in words(app)
    assert float(shown["More orders"]) == pytest.approx((after - before) * journeys, abs=0.051)
    assert float(shown["Journeys moved"].replace(",", "")) == pytest.approx(lost * share / 100, abs=0.051)
    assert "proves no cause" in words(app)


def test_the_published_rule_is_exact(published: Path) -> None:
    """The page's line of arithmetic against the model, to the last digits."""
    with published_tables(published) as connection:
        rows = connection.execute(
            "select * from ml.journey_map_what_ifs where window_name = ? and segment = 'all'", [WINDOW]
        )
        what_ifs = rows.df().to_dict("records")
    edges = edges_of(published).rename(columns={"from_node": "from", "to_node": "to"})
    chain = absorbing_chain(edges, start="start", main="conversion", null="null")
    for row in what_ifs:
        for share in (0.01, 0.4, 0.99):
            change, low, high = answers.moved(row, share)
            assert change == pytest.approx(
                chain.what_if(row["node"], share * row["lost"], row["target"]).change, abs=1e-9
            )
            assert low <= change <= high


@pytest.mark.parametrize("against", ["segment:device=desktop", "window:all"])
def test_two_maps_stand_beside_each_other(against: str) -> None:
    app = open_page("journey_map", segment="device=mobile", window=WINDOW, against=against)
    assert not app.exception
    assert len(app.get("echarts_chart")) == 2
    rows = table(app, "First map", "Second map").set_index("Station")
    assert (rows["Difference"] - rows["First map"] + rows["Second map"]).abs().max() < 1e-12
    assert (rows["Lower end"] <= rows["Difference"]).all()
    assert (rows["Upper end"] >= rows["Difference"]).all()
    if against == "segment:device=desktop":
        assert rows.loc["Checkout", "Verdict"] == "Supported"
        assert rows.loc["Checkout", "Difference"] < -0.1
        assert "Mobile, 28 days against Desktop, 28 days" in words(app).replace("**", "")


def test_a_handful_of_journeys_is_called_that() -> None:
    app = open_page("journey_map", window=WINDOW, segment="device=tablet")
    assert not app.exception
    text = words(app)
    assert "Fewer than 30 journeys" in text
    assert "no station has the 30 moves" in text
    assert "most likely single way" not in text
    compared = open_page("journey_map", window=WINDOW, segment="device=tablet", against="segment:all")
    assert not compared.exception
    assert set(table(compared, "First map")["Verdict"]) == {"Not enough data"}


def test_the_filters_are_in_the_url_and_hold_in_both_languages() -> None:
    parameters: dict[str, Any] = {
        "window": WINDOW, "segment": "device=mobile", "against": "window:all", "lines": "all", "stage": "checkout",
        "at": "checkout", "to": "conversion", "moved": "40",
    }  # fmt: skip
    app = open_page("journey_map", "de", **parameters)
    assert not app.exception
    assert {name: in_url(app, name) for name in parameters} == parameters
    assert "40 % der Reisen, die bei **Kasse** enden" in words(app)
    app.segmented_control(key="lang_choice").set_value("en").run()
    assert "If 40% of the journeys that end at **Checkout**" in words(app)
    assert {name: in_url(app, name) for name in parameters} == parameters


def test_a_what_if_starts_with_the_next_stage() -> None:
    app = open_page("journey_map", window=WINDOW, at="add_to_cart")
    assert in_url(app, "to") == "checkout"
