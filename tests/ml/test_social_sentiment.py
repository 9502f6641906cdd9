"""Sentiment backends: what a backend must offer, what it is asked, and what is refused."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from ml.social_sentiment import TransformersSentiment, load_backend, score_posts


class Length:
    """The longer, the better; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []

    def score(self, texts, languages):
        self.asked += zip(texts, languages, strict=True)
        return [min(1.0, len(text) / 10) for text in texts]


def test_scores_stand_where_their_texts_stand_and_nothing_is_asked_about_nothing() -> None:
    backend = Length()
    scores = score_posts(backend, ["gut", None, " ", "sehr gut!!"], ["de", "de", None, None])
    assert scores.tolist() == pytest.approx([0.3, 0, 0, 1])
    assert backend.asked == [("gut", "de"), ("sehr gut!!", "unknown")]
    assert score_posts(backend, [], []).shape == (0,)


@pytest.mark.parametrize("answer", [[0.1], [0.1, 1.2], [0.1, np.nan]])
def test_a_backend_that_breaks_its_promise_is_refused(answer) -> None:
    backend = types.SimpleNamespace(score=lambda texts, languages: answer)
    with pytest.raises(ValueError, match="sentiment backend gave scores"):
        score_posts(backend, ["a", "b"], ["de", "de"])


def test_a_backend_of_your_own() -> None:
    assert isinstance(load_backend(f"{__name__}:Length"), Length)


@pytest.mark.parametrize("spec", ["lexicon", "transformers:", ":x", ""])
def test_a_setting_that_is_none(spec) -> None:
    with pytest.raises(ValueError, match=r"package\.module:Class"):
        load_backend(spec)


def test_a_package_that_is_not_installed_is_named_with_the_remedy(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ImportError, match=r"transformers and torch.*NETZPLAN_SENTIMENT_BACKEND"):
        load_backend("transformers:some/model")


def fake_transformers(monkeypatch, *labels: str) -> None:
    def pipeline(task, model, **options):
        assert (task, model, options["top_k"]) == ("text-classification", "m", None)
        chances = (0.7, 0.2, 0.1)
        return lambda texts, batch_size: [
            [{"label": label, "score": chance} for label, chance in zip(labels, chances, strict=False)] for _ in texts
        ]

    monkeypatch.setitem(sys.modules, "transformers", types.SimpleNamespace(pipeline=pipeline))


def test_a_classifier_is_the_balance_of_its_labels(monkeypatch) -> None:
    fake_transformers(monkeypatch, "Negative", "neutral", "positive")
    assert score_posts(TransformersSentiment("m"), ["a"], ["de"]).tolist() == pytest.approx([-0.6])


def test_a_classifier_of_something_else_is_refused(monkeypatch) -> None:
    fake_transformers(monkeypatch, "LABEL_0", "LABEL_1")
    with pytest.raises(ValueError, match="positive and negative are needed"):
        score_posts(TransformersSentiment("m"), ["a"], ["de"])
