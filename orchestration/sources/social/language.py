"""Which language a public post is in, where the network does not say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

#: A text about which nothing can be said: too short, a mixture, or of none of the languages below.
UNKNOWN = "unknown"
#: Languages of European retail; a choice of twelve errs less on a short text than one of ninety-seven.
LANGUAGES = ("cs", "da", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "sv", "tr")
#: Least probability at which a language is believed. `python -m benchmarks.sentiment` shows what it costs and saves.
MIN_PROBABILITY = 0.5
_MIN_LETTERS = 8
#: What networks write when they do not know: undetermined, no linguistic content, several languages.
_NOTHING_SAID = ("", "und", "zxx", "mul", "none", "null")
#: Addresses, tags, names and what scrubbing left say nothing about the language.
_NOISE = re.compile(r"https?://\S+|www\.\S+|\[[a-z-]+\]|[@#]\S+|[\d_]+")


def identify_languages(texts: Sequence[str | None]) -> list[str]:
    """Identify the language of each text.

    Parameters
    ----------
    texts : sequence of str or None

    Returns
    -------
    list of str
        ISO 639-1 codes, `unknown` where the best language is less probable than `MIN_PROBABILITY`.

    Notes
    -----
    Multinomial naive Bayes over byte n-grams: Lui & Baldwin (2012), langid.py, as maintained in py3langid. About a
    millisecond per post.
    """
    return [_identify(text) for text in texts]


def fill_languages(posts: pa.Table) -> pa.Table:
    """Give posts a language that came without one; what the network says is kept, as a lower-case code.

    Parameters
    ----------
    posts : pyarrow.Table
        With text columns `language` and `text`.
    """
    said = pc.utf8_lower(pc.utf8_trim_whitespace(posts["language"])).combine_chunks()
    is_open = pc.or_(pc.is_null(said), pc.is_in(said, pa.array(_NOTHING_SAID)))
    if pc.any(is_open).as_py():
        found = identify_languages(posts["text"].filter(is_open).to_pylist())
        said = pc.replace_with_mask(said, is_open, pa.array(found, pa.string()))
    return posts.set_column(posts.column_names.index("language"), "language", said)


def _identify(text: str | None) -> str:
    words = " ".join(_NOISE.sub(" ", text or "").split())
    if sum(map(str.isalpha, words)) < _MIN_LETTERS:
        return UNKNOWN
    language, probability = _identifier().classify(words)
    return language if probability >= MIN_PROBABILITY else UNKNOWN


@cache
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier  # a second, which loads of other entities need not pay

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(LANGUAGES)
    return identifier
