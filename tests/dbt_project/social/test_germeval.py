"""The lexicon on real posts that it is not made for: better than saying nothing, better than counting words."""

from __future__ import annotations

import pytest

from benchmarks.sentiment import GERMEVAL, evaluate, read_germeval
from orchestration.sources.social.language import identify_languages


@pytest.mark.realdata
@pytest.mark.skipif(not GERMEVAL.exists(), reason="the sample data is not beside the project")
def test_posts_about_a_railway() -> None:
    posts = read_germeval()
    assert posts["polarity"].value_counts().to_dict() == {"neutral": 1812, "negative": 617, "positive": 155}
    majority, count, lexicon, _ = (figures["f1"] for figures in evaluate(posts).values())
    assert lexicon.mean() > majority.mean() + 0.14
    assert lexicon.mean() > count.mean() + 0.01
    assert lexicon["negative"] > 0.40


@pytest.mark.realdata
@pytest.mark.skipif(not GERMEVAL.exists(), reason="the sample data is not beside the project")
def test_their_language() -> None:
    texts = read_germeval()["text"].tolist()[::8]
    answers = identify_languages(texts)
    assert sum(answer == "de" for answer in answers) > 0.97 * len(texts)
