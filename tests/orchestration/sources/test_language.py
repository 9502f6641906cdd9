"""The language of a public post: what the network says is kept, the rest is identified or said to be unknown."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from orchestration.sources.social.language import UNKNOWN, fill_languages, identify_languages


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Die Lieferung kam schon am nächsten Tag, vielen Dank!", "de"),
        ("SEIT ZWEI WOCHEN KEINE LIEFERUNG VON EUCH", "de"),
        ("My parcel arrived a day early, I am really happy with it", "en"),
        ("Je suis très content de ma nouvelle tente", "fr"),
        ("Die @lindenhof [handle] https://shop.example/the-best-tent-of-the-year Jacke ist wirklich schön", "de"),
        ("#lindenhof #zelt", UNKNOWN),
        ("https://shop.example/schoene-lieferung", UNKNOWN),
        ("ok 👍", UNKNOWN),
        ("0341 [phone] 12345678", UNKNOWN),
        ("", UNKNOWN),
        (None, UNKNOWN),
    ],
)
def test_what_a_text_is_in(text, language):
    assert identify_languages([text]) == [language]


def test_what_the_network_says_is_kept():
    text = "Die Lieferung kam schon am nächsten Tag, vielen Dank!"
    said = ["EN-gb", " fr ", None, "und", "", "zxx"]
    posts = pa.table({"post_id": list("abcdef"), "language": pa.array(said), "text": [text] * 6})
    filled = fill_languages(posts)
    assert filled["language"].to_pylist() == ["en-gb", "fr", "de", "de", "de", "de"]
    assert filled.column_names == posts.column_names


@pytest.mark.parametrize(
    "posts", [pa.table({"language": pa.array([], pa.string()), "text": pa.array([], pa.string())})]
)
def test_no_posts_have_no_language(posts):
    assert fill_languages(posts).num_rows == 0


def test_posts_get_their_language_at_the_door(desk):
    posts = [
        {"id": 1, "at": "2026-01-05T10:00:00Z", "text": "Die Lieferung kam schon am nächsten Tag, vielen Dank!"},
        {"id": 2, "at": "2026-01-05T10:00:00Z", "text": "My parcel arrived a day early, I am really happy with it"},
        {"id": 3, "at": "2026-01-05T10:00:00Z", "text": None},
    ]
    desk.write("p.jsonl", "\n".join(map(json.dumps, posts)) + "\n")
    columns = {"post_id": "id", "network": {"const": "x"}, "posted_at": "at", "text": "text"}
    desk.feeds = {"p": {"kind": "files", "path": "p.jsonl", "entity": "social_posts", "columns": columns}}
    desk.load("social_posts")
    assert desk.rows("select language from raw.social_posts order by post_id") == [("de",), ("en",), (UNKNOWN,)]
