"""Sentiment of public posts by a model instead of the lexicon: anything that gives texts a number from -1 to 1."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np


class SentimentBackend(Protocol):
    """What a model has to offer."""

    def score(self, texts: Sequence[str], languages: Sequence[str]) -> Sequence[float]:
        """Score texts, each in its language (ISO 639-1 or `unknown`), from -1 (bad) to 1 (good)."""
        ...


class TransformersSentiment:
    """A text classifier of the package `transformers`, whose labels are positive, negative and perhaps neutral.

    Parameters
    ----------
    model : str
        Folder of the model, or its name if the machine may fetch it.

    Raises
    ------
    ImportError
        The package is not installed.
    """

    def __init__(self, model: str) -> None:
        try:
            transformers = importlib.import_module("transformers")
        except ImportError as error:
            raise ImportError(
                "the sentiment backend transformers:... needs the packages transformers and torch; add them to "
                "requirements.local.txt, or unset NETZPLAN_SENTIMENT_BACKEND to use the lexicon"
            ) from error
        self._classify: Any = transformers.pipeline("text-classification", model=model, top_k=None, truncation=True)

    def score(self, texts: Sequence[str], languages: Sequence[str]) -> list[float]:
        """Probability of positive minus that of negative."""
        return [_balance(labels) for labels in self._classify(list(texts), batch_size=32)]


def load_backend(spec: str) -> SentimentBackend:
    """Make a backend from its setting.

    Parameters
    ----------
    spec : str
        `transformers:<model>`, or `package.module:Class` for one of your own, made without arguments.

    Raises
    ------
    ValueError
        The setting is neither.
    ImportError
        What it names is not installed.
    """
    kind, found, name = spec.partition(":")
    if not (kind and found and name):
        raise ValueError(f"sentiment backend {spec!r} is neither transformers:<model> nor package.module:Class")
    if kind == "transformers":
        return TransformersSentiment(name)
    backend: SentimentBackend = getattr(importlib.import_module(kind), name)()
    return backend


def score_posts(backend: SentimentBackend, texts: Sequence[str | None], languages: Sequence[str | None]) -> np.ndarray:
    """Score posts and hold the backend to its promise.

    Parameters
    ----------
    backend : SentimentBackend
    texts, languages : sequences of str or None, shape (n,)

    Returns
    -------
    ndarray, shape (n,)
        From -1 to 1; 0 where there is no text, which no model is asked about.

    Raises
    ------
    ValueError
        Another number of scores than of texts, or a score outside -1 to 1.
    """
    scores = np.zeros(len(texts))
    asked = [place for place, text in enumerate(texts) if text and text.strip()]
    if not asked:
        return scores
    given = [languages[place] or "unknown" for place in asked]
    found = np.asarray(backend.score([str(texts[place]) for place in asked], given), dtype=float)
    if found.shape != (len(asked),):
        raise ValueError(f"the sentiment backend gave scores of shape {found.shape} for {len(asked)} texts")
    if not np.all((found >= -1) & (found <= 1)):
        raise ValueError("the sentiment backend gave scores that are not between -1 and 1")
    scores[asked] = found
    return scores


def _balance(labels: Sequence[dict[str, Any]]) -> float:
    chances = {str(label["label"]).lower(): float(label["score"]) for label in labels}
    if not {"positive", "negative"} <= chances.keys():
        raise ValueError(f"the model's labels are {sorted(chances)}; positive and negative are needed")
    return max(-1.0, min(1.0, chances["positive"] - chances["negative"]))
