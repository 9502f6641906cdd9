"""How well the lexicon reads public posts: `python -m benchmarks.sentiment`.

Measured on GermEval 2017 (customers and press about a railway, so not the retail the lexicon is made for). The posts
are split in halves by a hash: on one half the lexicon's general words were looked through and the two thresholds
between positive, neutral and negative are chosen, the other half is reported. Compared with answering `neutral` always
and with a plain count of lexicon words. The language of the same posts, and of English one-line summaries of installed
packages, is identified as at the door.
"""

from __future__ import annotations

import gzip
import hashlib
from importlib.metadata import distributions
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import precision_recall_fscore_support

from orchestration.sources.social.language import UNKNOWN, identify_languages
from tests.dbt_project.runner import run_model

GERMEVAL = Path(__file__).resolve().parents[2] / "shared" / "data" / "social_germeval" / "dev.tsv.gz"
POLARITIES = ("negative", "neutral", "positive")
_THRESHOLDS = np.arange(0, 0.9, 0.05)


def read_germeval(path: Path = GERMEVAL) -> pd.DataFrame:
    """The labelled posts.

    Returns
    -------
    DataFrame
        text, polarity, is_relevant (about the railway at all), is_reported (the half that is reported).
    """
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if line.count("\t") >= 3]
    frame = pd.DataFrame([row[:4] for row in rows], columns=["url", "text", "relevant", "polarity"])
    digests = [hashlib.sha256(post.encode()).hexdigest() for post in frame["url"] + frame["text"]]
    return frame.assign(
        is_relevant=frame["relevant"] == "true", is_reported=[int(digest[:8], 16) % 2 == 1 for digest in digests]
    )


def lexicon_sentiments(posts: pd.DataFrame) -> pd.DataFrame:
    """Sentiment by the warehouse's own model, and the plain count of words that speak well minus badly.

    Returns
    -------
    DataFrame
        sentiment, count; in the order of the posts.
    """
    rows = [{"post_id": str(number), "language": "de", "text": text} for number, text in enumerate(posts["text"])]
    found = run_model("int_social__post_sentiments", stg_social__posts=rows).set_index("post_id")["sentiment"]
    words = run_model("int_social__post_words", stg_social__posts=rows)
    matches = run_model("int_social__lexicon_matches", stg_social__posts=rows)
    felt = words.merge(matches[matches["kind"] == "feeling"], on=["language", "word"])
    counts = np.sign(felt["score"]).groupby(felt["post_id"]).sum()
    order = [row["post_id"] for row in rows]
    return pd.DataFrame({"sentiment": found.reindex(order), "count": counts.reindex(order, fill_value=0)}).reset_index()


def polarity(values: np.ndarray, above: float, below: float) -> np.ndarray:
    """Positive above one threshold, negative below minus the other."""
    return np.where(values > above, "positive", np.where(values < -below, "negative", "neutral"))


def scores(truth: np.ndarray, answer: np.ndarray) -> pd.DataFrame:
    """Precision, recall and F1 per class (rows), and n."""
    figures = precision_recall_fscore_support(truth, answer, labels=POLARITIES, zero_division=0)
    return pd.DataFrame(dict(zip(("precision", "recall", "f1", "n"), figures, strict=True)), index=POLARITIES)


def chosen_thresholds(truth: np.ndarray, values: np.ndarray) -> tuple[float, float]:
    """The pair with the best macro-F1."""
    pairs = [(above, below) for above in _THRESHOLDS for below in _THRESHOLDS]
    return max(pairs, key=lambda pair: scores(truth, polarity(values, *pair))["f1"].mean())


def evaluate(posts: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Scores of each method on the reported half."""
    found = lexicon_sentiments(posts)
    seen, told = ~posts["is_reported"].to_numpy(), posts["is_reported"].to_numpy()
    truth, values = posts["polarity"].to_numpy(), found["sentiment"].to_numpy()
    thresholds = chosen_thresholds(truth[seen], values[seen])
    relevant = told & posts["is_relevant"].to_numpy()
    answer = polarity(values, *thresholds)
    return {
        "always neutral": scores(truth[told], np.full(told.sum(), "neutral")),
        "plain count": scores(truth[told], polarity(found["count"].to_numpy()[told], 0, 0)),
        f"lexicon, thresholds {thresholds[0]:.2f} and -{thresholds[1]:.2f}": scores(truth[told], answer[told]),
        "lexicon, posts about the company only": scores(truth[relevant], answer[relevant]),
    }


def main() -> None:
    """Print the figures."""
    posts = read_germeval()
    print(f"{len(posts)} posts, {posts['is_reported'].sum()} of them reported\n")
    for name, figures in evaluate(posts).items():
        print(f"{name}: macro-F1 {figures['f1'].mean():.3f}")
        print(figures.round(3).to_string(), "\n")
    english = sorted({found.metadata["Summary"] for found in distributions() if found.metadata["Summary"]})
    for language, texts in (("de", posts["text"].tolist()), ("en", english)):
        answers = pd.Series(identify_languages(texts))
        known = answers[answers != UNKNOWN]
        print(
            f"language of {len(texts)} texts in {language}: {len(known) / len(texts):.1%} identified, "
            f"{(known == language).mean():.1%} of these rightly"
        )


if __name__ == "__main__":
    main()
