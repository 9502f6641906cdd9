"""Sentiment of public posts: a small lexicon, negation, and days that show their n and spread."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from tests.dbt_project.runner import run_model


def post(number: int, text: str | None, language: str | None = "de", **columns: Any) -> dict[str, Any]:
    row = {
        "post_id": f"p{number}", "network": "mastodon", "posted_at": datetime(2026, 5, 1, 10, tzinfo=UTC),
        "post_date": date(2026, 5, 1), "author_hash": f"a{number % 2}", "language": language, "text": text,
        "like_count": 2, "repost_count": None, "reply_count": 1, "topic": None,
    }  # fmt: skip
    return row | columns


@pytest.mark.parametrize(
    ("text", "language", "sentiment"),
    [
        ("Tolles Zelt, bin begeistert!", "de", 1),
        ("Das Zelt ist kaputt.", "de", -1),
        ("Gut, aber der Versand war LANGSAM", "de", 0),
        ("nicht gut", "de", -1),
        ("Das ist wirklich nicht so gut", "de", -1),
        ("keine Probleme mit der Lieferung", "de", 1),
        ("never disappointed, great quality", "en", 1),
        ("Das Paket kommt am Montag", "de", 0),
        ("", "de", 0),
        (None, None, 0),
        ("großartig", "de", 1),
        ("großartig and great", None, 1),
        ("schlecht", "en", 0),
        ("great", "en-GB", 1),
        ("gutachten", "de", 0),
    ],
)
def test_sentiment_of_one_post(text: str | None, language: str | None, sentiment: float) -> None:
    frame = run_model("int_social__post_sentiments", stg_social__posts=[post(1, text, language)])
    assert frame["sentiment"].tolist() == [pytest.approx(sentiment)]


def test_a_day_is_a_mean_with_its_spread_and_one_post_has_none() -> None:
    rows = [post(1, "super"), post(2, "kaputt"), post(3, "Montag"), post(4, "toll", topic="lieferung")]
    frame = run_model("fct_social_daily", stg_social__posts=rows).set_index("topic")
    other = frame.loc["other"]
    assert (other["posts"], other["authors"], other["likes"], other["reposts"], other["replies"]) == (3, 2, 6, 0, 3)
    assert other["sentiment"] == pytest.approx(0)
    assert other["sentiment_high"] == -other["sentiment_low"] == pytest.approx(min(1.96 / 3**0.5, 1), abs=1e-6)
    assert frame["sentiment"]["lieferung"] == 1
    assert pd.isna(frame["sentiment_low"]["lieferung"])
    assert pd.isna(frame["sentiment_high"]["lieferung"])
