"""The customers page: who has which score, in words, and never a discount for the brand-loyal."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.dashboards.app import in_url, open_page, words


@pytest.fixture(autouse=True)
def data_dir(published: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETZPLAN_DATA_DIR", str(published))


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "de",
            [
                "Kunden",
                "bestellen voraussichtlich in den nächsten 90 Tagen",
                "für immer geht, lässt sich",
                "Nicht bestimmbar",
            ],
        ),
        ("en", ["customers", "are expected to order again within 90 days", "leaves for good cannot", "Not identified"]),
    ],
)
def test_the_answer_says_how_many_and_what_cannot_be_told(language: str, expected: list[str]) -> None:
    app = open_page("customers", language)
    assert not app.exception
    text = words(app)
    assert [part for part in expected if part not in text] == []
    # sum of units x mean score over the bands, as the distribution shows them
    units = [400, 400, 200, 200, 200, 80, 80, 80]
    whole = round(sum(count * (band + 0.5) * 0.05 for band, count in enumerate(units)))
    assert f"{whole}" in text.replace(",", "").replace(".", "")


def test_a_model_that_is_not_supported_scores_nobody() -> None:
    text = words(open_page("customers", score="churn"))
    assert "Nobody gets this score" in text


def test_segment_and_question_are_in_the_url() -> None:
    app = open_page("customers", taste="brand_loyal", score="customer_value")
    assert not app.exception
    assert app.selectbox(key="taste_choice").value == "brand_loyal"
    assert app.selectbox(key="score_choice").value == "customer_value"
    app.selectbox(key="taste_choice").select("price_sensitive").run()
    assert in_url(app, "taste") == "price_sensitive"


def plan_of(segment: str) -> list[str]:
    app = open_page("customers", taste=segment)
    frames = [
        frame.value for frame in app.dataframe if "Campaign" in frame.value.columns and "Phase" in frame.value.columns
    ]
    return list(frames[0]["Campaign"])


def test_the_plan_is_the_segments_own_where_it_has_one() -> None:
    assert plan_of("price_sensitive") == ["Exit-intent message", "Free shipping"]
    assert plan_of("brand_loyal") == ["Exit-intent message", "Remind"]
