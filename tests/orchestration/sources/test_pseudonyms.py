import hashlib
import hmac
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
