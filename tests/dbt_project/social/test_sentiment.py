"""Sentiment of public posts: lexicon, negation and its scope, and weeks that show their n and interval."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.dbt_project.runner import run_model


def post(number: int, text: str | None, language: str | None = "de", **columns: Any) -> dict[str, Any]:
    row = {
        "post_id": f"p{number}", "network": "mastodon", "posted_at": datetime(2026, 5, 1, 10, tzinfo=UTC),
        "post_date": date(2026, 5, 1), "author_hash": f"a{number % 2}", "language": language, "text": text,
        "like_count": 2, "repost_count": None, "reply_count": 1, "topic": None,
    }  # fmt: skip
    return row | columns


def sentiments(*posts: tuple[str | None, str | None]) -> list[float]:
    rows = [post(number, text, language) for number, (text, language) in enumerate(posts)]
    frame = run_model("int_social__post_sentiments", stg_social__posts=rows)
    return frame.assign(number=frame["post_id"].str[1:].astype(int)).sort_values("number")["sentiment"].tolist()


@pytest.mark.parametrize(
    ("text", "language", "sign"),
    [
        ("Tolles Zelt, bin begeistert!", "de", 1),
        ("Das Zelt ist kaputt.", "de", -1),
        ("nicht gut", "de", -1),
        ("Das ist wirklich nicht so gut", "de", -1),
        ("Gefällt mir nicht", "de", -1),
        ("Die Jacke ist schön, aber nicht kaputt", "de", 1),
        ("Nicht billig. Gut!", "de", 1),
        ("nicht nur gut, sondern super", "de", 1),
        ("keine Probleme mit der Lieferung", "de", 1),
        ("Enttäuschungen ohne Ende", "de", -1),
        ("Lieferchaos", "de", -1),
        ("großartig", "de", 1),
        ("never disappointed, great quality", "en", 1),
        ("I don't like it", "en", -1),
        ("not only cheap but great", "en", 1),
        ("great", "en-GB", 1),
        ("großartig and great", None, 1),
        ("großartig and great", "unknown", 1),
        ("Paket 😡", "de", -1),
        ("pacco 😍", "it", 1),
        ("Danke <3", "de", 1),
        ("na ja :-(", "de", -1),
        ("#boykott", "de", -1),
        ("Das Paket kommt am Montag", "de", 0),
        ("schlecht", "en", 0),
        ("terribile, schlecht, bad", "it", 0),
        ("gutachten", "de", 0),
        ("https://shop.example/super-angebot", "de", 0),
        ("[handle] [e-mail] [phone]", "de", 0),
        ("", "de", 0),
        (None, None, 0),
    ],
)  # fmt: skip
def test_what_a_post_says(text: str | None, language: str | None, sign: int) -> None:
    assert np.sign(sentiments((text, language))) == [sign]


@pytest.mark.parametrize(
    ("weaker", "stronger", "language"),
    [
        ("gut", "sehr gut", "de"),
        ("etwas gut", "gut", "de"),
        ("slightly good", "good", "en"),
        ("good", "really good", "en"),
        ("das ist gut", "das ist perfekt", "de"),
        ("das ist super", "das ist SUPER", "de"),
        ("kein Problem", "kein Problem und super", "de"),
        ("gut", "gut und schön", "de"),
    ],
)
def test_words_that_strengthen_and_weaken(weaker: str, stronger: str, language: str) -> None:
    less, more = sentiments((weaker, language), (stronger, language))
    assert 0 < less < more


def test_who_shouts_everything_stresses_nothing() -> None:
    quiet, loud = sentiments(("das ist super", "de"), ("DAS IST SUPER", "de"))
    assert quiet == loud


def test_a_word_in_passing_counts_less_in_a_long_post() -> None:
    short, long = sentiments(("kaputt", "de"), ("kaputt " + "paket " * 80, "de"))
    assert short < long < 0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=5))
def test_any_text_has_a_sentiment(texts: list[str]) -> None:
    found = sentiments(*((text.replace("\0", ""), "unknown") for text in texts))
    assert len(found) == len(texts)
    assert all(-1 < value < 1 for value in found)


def test_a_day_is_a_mean_with_its_spread_and_one_post_has_none() -> None:
    rows = [post(1, "super"), post(2, "mies"), post(3, "Montag"), post(4, "toll", topic="lieferung")]
    frame = run_model("fct_social_daily", stg_social__posts=rows).set_index("topic")
    values = sentiments(("super", "de"), ("mies", "de"), ("Montag", "de"))
    other = frame.loc["other"]
    assert (other["posts"], other["authors"], other["likes"], other["reposts"], other["replies"]) == (3, 2, 6, 0, 3)
    assert other["sentiment"] == pytest.approx(np.mean(values), abs=1e-6)
    margin = 1.96 * np.std(values, ddof=1) / 3**0.5
    assert other["sentiment_high"] - other["sentiment"] == pytest.approx(margin, abs=1e-6)
    assert frame["sentiment"]["lieferung"] > 0
    assert pd.isna(frame["sentiment_low"]["lieferung"])
    assert pd.isna(frame["sentiment_high"]["lieferung"])


def week(posts: list[tuple[str, str]], **columns: Any) -> pd.DataFrame:
    rows = [post(number, text, author_hash=author, **columns) for number, (author, text) in enumerate(posts)]
    return run_model("fct_social_weekly", stg_social__posts=rows).set_index(["network", "topic"])


def test_a_week_is_a_mean_of_authors_taken_together() -> None:
    words = {"super": 0.0, "kaputt": 0.0, "Montag": 0.0, "toll": 0.0}
    words = dict(zip(words, sentiments(*((word, "de") for word in words)), strict=True))
    rng = np.random.default_rng(4)
    posts = [(f"a{author}", str(rng.choice(list(words)))) for author in rng.integers(14, size=60)]
    row = week(posts).loc[("all", "all")]
    values = np.array([words[text] for _, text in posts])
    authors = np.array([author for author, _ in posts])
    sums = [np.sum(values[authors == author] - values.mean()) for author in set(authors)]
    count = len(sums)
    margin = 1.96 * np.sqrt(np.sum(np.square(sums)) * count / (count - 1)) / 60
    assert (row["posts"], row["authors"], row["has_enough_data"]) == (60, count, True)
    assert row["sentiment"] == pytest.approx(values.mean(), abs=1e-6)
    assert row["sentiment_high"] - row["sentiment"] == pytest.approx(margin, abs=2e-6)
    assert row["positive_share"] == pytest.approx(np.mean(values > 0), abs=1e-6)
    assert row["negative_share"] == pytest.approx(np.mean(values < 0), abs=1e-6)


@pytest.mark.parametrize(
    ("posts", "authors", "enough"), [(29, 29, False), (30, 30, True), (40, 9, False), (40, 10, True)]
)
def test_a_small_week_says_nothing(posts: int, authors: int, enough: bool) -> None:
    row = week([(f"a{number % authors}", "super") for number in range(posts)]).loc[("mastodon", "other")]
    assert row["has_enough_data"] == enough
    assert row[["sentiment", "sentiment_low", "positive_share"]].isna().tolist() == [not enough] * 3
    assert (row["posts"], row["authors"]) == (posts, authors)


def test_weeks_begin_on_monday_and_the_last_may_not_be_over() -> None:
    days = [date(2026, 5, 3), date(2026, 5, 4), date(2026, 5, 10)]
    rows = [post(number, "super", post_date=day) for number, day in enumerate(days)]
    as_of = [{"as_of_date": date(2026, 5, 9)}]
    frame = run_model("fct_social_weekly", stg_social__posts=rows, int_calendar__as_of=as_of)
    frame = frame[(frame["network"] == "all") & (frame["topic"] == "all")].sort_values("week_start")
    assert [pd.Timestamp(day).date() for day in frame["week_start"]] == [date(2026, 4, 27), date(2026, 5, 4)]
    assert frame["posts"].tolist() == [1, 2]
    assert frame["is_complete"].tolist() == [True, False]
    assert days[0] + timedelta(days=1) == days[1]


def test_a_configured_model_decides_where_it_has_scored() -> None:
    scored = [{"post_id": "p1", "sentiment": -0.25, "backend": "x:Y", "text_hash": "h"}]
    rows = [post(1, "super"), post(2, "super")]
    frame = run_model("int_social__post_sentiments", stg_social__posts=rows, post_sentiments=scored)
    frame = frame.sort_values("post_id")
    assert frame["backend"].tolist() == ["x:Y", "lexicon"]
    assert frame["sentiment"].tolist() == [-0.25, sentiments(("super", "de"))[0]]
