import hashlib
import hmac
import random
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.sources.pseudonyms import PLACEHOLDERS, Pseudonymiser, pseudonym

KEY = b"k" * 32
addresses = st.sampled_from(["jörg.müller@beispiel.de", "a@b.de", "k-1234", "+49 341 5550123", "ÅSA@example.se"])


@given(addresses, st.booleans(), st.sampled_from(["NFC", "NFD"]), st.sampled_from(["", " ", "\t", "\n "]))
def test_all_spellings_of_an_identifier_are_one_person(address, upper, form, space):
    spelling = space + unicodedata.normalize(form, address.upper() if upper else address) + space
    assert pseudonym(spelling, KEY) == pseudonym(address, KEY)


def test_it_is_the_keyed_hash_and_another_key_gives_other_persons():
    expected = hmac.new(KEY, b"a@b.de", hashlib.sha256).hexdigest()
    assert pseudonym("A@b.de ", KEY) == expected[:32]
    assert pseudonym("a@b.de", b"x" * 32) != expected[:32]
    assert hashlib.sha256(b"a@b.de").hexdigest()[:32] != expected[:32]


@pytest.mark.parametrize("nobody", [None, *sorted(PLACEHOLDERS), " Unknown ", "NULL", "N/A", "None"])
def test_placeholders_are_nobody(nobody):
    assert pseudonym(nobody, KEY) is None


@given(st.lists(st.one_of(st.none(), addresses, st.sampled_from(["", "0", "unknown"])), max_size=30))
def test_a_column_is_hashed_value_by_value(values):
    column = pa.chunked_array([pa.array(values[:7], pa.string()), pa.array(values[7:], pa.string())])
    assert Pseudonymiser(KEY).column(column).to_pylist() == [pseudonym(value, KEY) for value in values]


def spellings(address, count):
    """Ways in which people and systems write one address: case, white space around it, composed or decomposed."""
    rng = random.Random(7)
    seen = set()
    while len(seen) < count:
        text = "".join(letter.upper() if rng.random() < 0.5 else letter for letter in address)
        text = unicodedata.normalize(rng.choice(["NFC", "NFD"]), text)
        ends = ["", " ", "\t", "\n", "\r\n", "\u00a0", "  "]
        seen.add(rng.choice(ends) + text + rng.choice(ends))
    return sorted(seen)


def test_a_thousand_spellings_of_one_address_are_one_person():
    written = spellings("jörg.müller-åström@beispiel.example", 1_000)
    assert len(written) == 1_000
    assert Pseudonymiser(KEY).column(pa.array(written)).unique().to_pylist() == [
        pseudonym("jörg.müller-åström@beispiel.example", KEY)
    ]


def test_other_addresses_are_other_persons():
    """Signs that only look alike stay apart: a full-width letter is another letter to every mail server."""
    others = [
        "jorg@beispiel.example",
        "jörg@beispiel.example",
        "ｊörg@beispiel.example",
        "jörg@beispiel.exampl",
        "j.örg@b.example",
    ]
    assert len(set(Pseudonymiser(KEY).column(pa.array(others)).to_pylist())) == len(others)


@pytest.mark.slow
def test_a_million_guesses_without_the_key_match_nobody():
    """Whoever has the pseudonyms and a dictionary, even with a key that is almost right, finds no one in it."""
    people = [f"vorname{n % 977}.nachname{n}@post{n % 13}.example" for n in range(0, 1_000_000, 997)]
    stored = set(Pseudonymiser(KEY).column(pa.array(people)).to_pylist())
    assert len(stored) == len(people)
    wrong = b"k" * 31 + b"l"
    unkeyed = hmac.new(b"", digestmod=hashlib.sha256)
    keyed = hmac.new(wrong, digestmod=hashlib.sha256)
    matches = 0
    for n in range(1_000_000):
        guess = f"vorname{n % 977}.nachname{n}@post{n % 13}.example".encode()
        empty, near = unkeyed.copy(), keyed.copy()
        empty.update(guess)
        near.update(guess)
        for made in (
            hashlib.sha256(guess).hexdigest(),
            hashlib.md5(guess).hexdigest(),
            empty.hexdigest(),
            near.hexdigest(),
        ):
            matches += made[:32] in stored
    assert matches == 0
    assert {pseudonym(address, KEY) for address in people} == stored, "with the key the same dictionary finds them all"
