"""Nothing that names a person survives in public posts: not in raw, not in quarantine, not in an address."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestration.sources.expressions import sandbox

_SQL = sandbox()


def scrubbed(*texts: str) -> list[str]:
    """All at once: planning the query costs more than scrubbing."""
    rows = _SQL.execute("select scrub_text(text) from (select unnest(?::varchar[]) as text)", [list(texts)]).fetchall()
    return [found for (found,) in rows]


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Schreib an eva@post.example!", "Schreib an [e-mail]!"),
        ("eva.mueller+shop@post.co.example", "[e-mail]"),
        ("eva (at) post (dot) de oder eva[at]post.de", "[e-mail] oder [e-mail]"),
        ("https://shop.example/?u=eva%40post.example&x=1", "https://shop.example/?u=[e-mail]&x=1"),
        ("mailto:eva@post.example", "mailto:[e-mail]"),
        ("müller@bücher.example", "[e-mail]"),
        ("@eva und @eva@social.example, @eva.bsky.social", "[handle] und [handle], [handle]"),
        ("eva.bsky.social did:plc:abc123", "[handle] [handle]"),
        ("＠eva", "[handle]"),
        ("https://social.example/@eva/112233", "https://social.example/[handle]/112233"),
        ("https://www.instagram.com/eva_m/", "https://www.instagram.com/[handle]/"),
        ("linkedin.com/in/eva-m x.com/eva", "linkedin.com/in/[handle] x.com/[handle]"),
        ("https://wa.me/4915123456789", "https://wa.me/[handle]"),
        ("0341 5550123", "[phone]"),
        ("(0341) 555 01 23", "[phone]"),
        ("0341/555-0123 oder 0341.55.50.123", "[phone] oder [phone]"),
        ("030 / 1234 567, 0151-12345678", "[phone], [phone]"),
        ("+49 (0)341 55 50-123.", "[phone]."),
        ("0049341 5550123", "[phone]"),
        ("+43 1 5550123 +41 44 555 01 23", "[phone] [phone]"),
        ("49 151 23456789", "[phone]"),
        ("Tel. 5550123, Handy: 151 2345678", "Tel. [phone], Handy: [phone]"),
        ("tel:+493415550123", "tel:[phone]"),
        ("call%3A0341%205550123", "call%3A[phone]"),
        ("DE89 3704 0044 0532 0130 00", "[account]"),
        ("de89370400440532013000", "[account]"),
        ("4111 1111 1111 1111", "[account]"),
        ("Zeile\n@eva\n0341 5550123", "Zeile\n[handle]\n[phone]"),
    ],
)  # fmt: skip
def test_what_names_a_person_goes(text, left):
    assert scrubbed(text) == [left]


@pytest.mark.parametrize(
    "text",
    [
        "Am 05.01.2026 um 10:30 Uhr, 09.00-18.00 Uhr geöffnet",
        "2026-01-05T10:00:00.000Z und 2026-01-05T10:00:00+01:00",
        "01067 Dresden, 0,99 € statt 1.234,56 €",
        "100 000 Stück, 5 von 10 Sternen, 3 @ 2 €",
        "#lindenhof 👍 #10jahre https://shop.example/p/123456?ref=a",
        "Bestellung 4711-0815 in Größe 38/40",
    ],
)
def test_what_names_nobody_stays(text):
    assert scrubbed(text) == [text]


SEPARATORS = st.sampled_from([" ", "/", "-", "–", " / ", "", ".", "\u00a0"])


@st.composite
def telephones(draw) -> str:
    """German numbers as people write them."""
    area = str(draw(st.integers(2, 9))) + draw(st.text("0123456789", min_size=1, max_size=3))
    groups = draw(st.lists(st.text("0123456789", min_size=2, max_size=4), min_size=2, max_size=4))
    subscriber = "7" + draw(st.sampled_from([" ", "", "-"])).join(groups)
    prefix = draw(
        st.sampled_from(["0{}", "(0{})", "+49 {}", "+49{}", "+49 (0){}", "0049 {}", "0049{}", "+49-{}", "Tel. {}"])
    )
    return prefix.format(area) + draw(SEPARATORS) + subscriber


EMAILS = st.builds(
    "{}{}@{}.{}".format,
    st.text("abcxyzäöü", min_size=1, max_size=6),
    st.sampled_from(["", ".m", "+shop", "_1", "-x"]),
    st.text("abcxyz", min_size=2, max_size=8),
    st.sampled_from(["de", "com", "co.at", "example"]),
)
HANDLES = st.builds("@{}".format, st.from_regex(r"\A[a-z][a-z0-9_]{2,10}(\.[a-z0-9]{2,5})?\Z"))
AROUND = st.text("abc ABC.,;:!?()[]<>\"'\n\t/#%€ß😍", max_size=20)


@settings(max_examples=12)
@given(st.lists(st.tuples(AROUND, st.one_of(telephones(), EMAILS, HANDLES), AROUND), min_size=25, max_size=25))
def test_no_number_address_or_name_survives(posts):
    texts = [f"{before} {personal}{after}" for before, personal, after in posts]
    payloads = scrubbed(*(json.dumps({"text": text}, ensure_ascii=False) for text in texts))
    for (_, personal, _), text, left, payload in zip(posts, texts, scrubbed(*texts), payloads, strict=True):
        for found in (left, json.loads(payload)["text"]):
            assert not re.search(r"[@＠]\w", found), text
            if "@" in personal:
                assert personal.strip("@") not in found, text
            else:
                assert re.sub(r"\D", "", personal)[-5:] not in re.sub(r"\D", "", found), text


@settings(max_examples=12)
@given(st.lists(st.text(max_size=100), min_size=20, max_size=20))
def test_any_text_can_be_scrubbed_and_has_no_handle_afterwards(texts):
    for left in scrubbed(*(text.replace("\0", "") for text in texts)):
        assert not re.search(r"[@＠]\w", left)


PERSONAL = "@eva.m ruf +49 (0)341 55 50-123 oder eva@post.example, https://social.example/@eva"


def test_nothing_survives_in_raw_or_quarantine(desk):
    posts = [
        {
            "id": number,
            "network": "x",
            "at": at,
            "by": "Eva",
            "text": f"Hallo\n{PERSONAL}\n@eva",
            "tag": "@eva",
            "url": "https://social.example/@eva/1",
        }
        for number, at in enumerate(["2026-01-05T10:00:00Z", "nie"])
    ]
    desk.feeds = {
        "p": {
            "kind": "files", "path": "p.jsonl", "entity": "social_posts",
            "columns": {"post_id": "id", "network": "network", "posted_at": "at", "author_hash": "by", "text": "text",
                        "url": "url", "topic": "tag"},
        }
    }  # fmt: skip
    desk.write("p.jsonl", "\n".join(map(json.dumps, posts)) + '\n{"id": 3, "text": "@eva\\n0341 5550123\n{}\n')
    [report] = desk.load("social_posts")
    assert (report.rows_loaded, report.rows_quarantined) == (1, 3)
    kept = [str(row) for table in ("social_posts", "quarantine") for row in desk.rows(f"from raw.{table}")]
    for row in kept:
        assert not re.search(r"eva|Eva|post\.example|5550123|55 50", row), row
