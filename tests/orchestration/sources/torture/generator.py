"""Malformed inputs with an answer key: what each of them is, what must be said of it, and how it reads once mended."""

from __future__ import annotations

import json
import random
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

HEADER = ["Nr", "Datum", "Kunde", "PLZ", "Netto", "Status", "Test"]
GOOD_ROWS, BAD_ROWS = 40, 16


@dataclass(frozen=True)
class Order:
    """An order as it is in truth."""

    number: str
    at: datetime
    customer: str
    postal_code: str
    net: Decimal
    status: str

    def stored(self) -> tuple[Any, ...]:
        return self.number, self.at, self.postal_code, self.net, unicodedata.normalize("NFC", self.status)


@dataclass(frozen=True)
class Record:
    """One record of a file: as it is written, the reason code it must get (None: it loads), and the order it means.

    `order` is None for what is no order at all (a comment, a total): the mended file does not have it.
    """

    text: bytes
    kind: str
    code: str | None
    order: Order | None
    mended: bytes | None


def _order(rng: random.Random, day: date, number: int) -> Order:
    at = datetime(day.year, day.month, day.day, rng.randrange(4, 23), rng.randrange(60), rng.randrange(60))
    return Order(
        f"{rng.choice(['', '0', '00'])}{day:%m%d}{number:04}", at, f"K{number}", f"{rng.randrange(1000, 99999):05}",
        Decimal(rng.randrange(1, 3_000_000)) / 100,
        rng.choice(["open", "Größe M", 'über "Nacht"', "a;b", "versandt"]),
    )  # fmt: skip


def german(amount: Decimal) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in ';"\n') else text


def _fields(order: Order) -> list[str]:
    return [
        order.number, f"{order.at:%d.%m.%Y %H:%M:%S}", order.customer, order.postal_code, german(order.net),
        _quoted(order.status), "nein",
    ]  # fmt: skip


def _line(fields: list[str], end: str = "\n") -> bytes:
    return (";".join(fields) + end).encode()


#: Field to replace, by what, and the reason code.
_BAD_FIELDS: dict[str, tuple[int, str, str]] = {
    "no key": (0, "", "missing_key"),
    "key of blanks": (0, " \u00a0 ", "missing_key"),
    "no amount": (4, "", "missing_required"),
    "word for a number": (4, "zwölf", "bad_number"),
    "decimal point": (4, "12.50", "bad_number"),
    "1.234 is either": (4, "1.234", "bad_number"),
    "currency sign": (4, "12,50 €", "bad_number"),
    "two commas": (4, "1,2,3", "bad_number"),
    "wrong groups": (4, "12.34,50", "bad_number"),
    "spreadsheet error": (4, "#NV", "bad_number"),
    "not a number": (4, "NaN", "bad_number"),
    "infinite": (4, "Infinity", "bad_number"),
    "too large": (4, "9" * 30, "bad_number"),
    "NUL in a number": (4, "12\x00,50", "bad_number"),
    "day and month swapped": (1, "12.25.2025 10:00:00", "bad_timestamp"),
    "spreadsheet date": (1, "46026,5", "bad_timestamp"),
    "year of two digits": (1, "05.01.26 10:00:00", "bad_timestamp"),
    "ISO date": (1, "2026-01-05 10:00:00", "bad_timestamp"),
    "30 February": (1, "30.02.2026 10:00:00", "bad_timestamp"),
    "25 o'clock": (1, "05.01.2026 25:00:00", "bad_timestamp"),
    "hour that does not exist": (1, "29.03.2026 02:30:00", "nonexistent_local_time"),
    "epoch zero": (1, "01.01.1970 01:00:00", "epoch_zero"),
    "two years ahead": (1, "05.01.2029 10:00:00", "in_future"),
    "no date": (1, "", "missing_required"),
    "neither yes nor no": (6, "vielleicht", "bad_boolean"),
}
_BAD_LINES = {
    "field missing": ("malformed_row", lambda fields: _line(fields[:-1])),
    "trailing delimiter": ("malformed_row", lambda fields: _line([*fields, ""])),
    "delimiter in a text": ("malformed_row", lambda fields: _line([*fields[:5], "a;b", fields[6]])),
    "quote never closed": ("malformed_row", lambda fields: _line([*fields[:5], '"offen', fields[6]])),
    "text behind a quote": ("malformed_row", lambda fields: _line([*fields[:5], '"a"b', fields[6]])),
    "cp1252 in UTF-8": ("bad_encoding", lambda fields: _line([*fields[:5], "@", "nein"]).replace(b"@", b"Gr\xf6\xdfe")),
    "half a character": ("bad_encoding", lambda fields: _line([*fields[:5], "@", "nein"]).replace(b"@", b"\xe2\x82")),
}  # fmt: skip
_NO_ORDERS = {
    "comment": ("malformed_row", b"# exported by the night job\n"),
    "total, short": ("malformed_row", b"Summe;1.234.567,89\n"),
    "total in its column": ("missing_required", b"Summe;;;;1.234.567,89;;\n"),
    "repeated header": ("repeated_header", _line(HEADER)),
    "repeated header with mark": ("repeated_header", b"\xef\xbb\xbf" + _line(HEADER)),
}
CSV_KINDS = [*_BAD_FIELDS, *_BAD_LINES, *_NO_ORDERS]


def _bad_record(kind: str, order: Order) -> Record:
    fields = _fields(order)
    if kind in _NO_ORDERS:
        code, text = _NO_ORDERS[kind]
        return Record(text, kind, code, None, None)
    if kind in _BAD_FIELDS:
        place, value, code = _BAD_FIELDS[kind]
        return Record(_line([*fields[:place], value, *fields[place + 1 :]]), kind, code, order, _line(fields))
    code, change = _BAD_LINES[kind]
    return Record(change(fields), kind, code, order, _line(fields))


def _good_record(rng: random.Random, order: Order) -> Record:
    """A sound record, often written in a way that trips careless readers."""
    fields, end = _fields(order), "\n"
    odd = rng.choice(["", "", "line break", "nul", "decomposed", "mark", "crlf", "minus", "blanks", "all quoted"])
    if odd == "line break":
        order = Order(*_but(order, status='zwei\nZeilen; "so"'))
    elif odd == "nul":
        order = Order(*_but(order, status="a\0b"))
    elif odd == "decomposed":
        order = Order(*_but(order, status=unicodedata.normalize("NFD", "Möbel für Gärten")))
    elif odd == "minus":
        order = Order(*_but(order, net=-order.net))
    fields = _fields(order)
    if odd == "minus":
        fields[4] = fields[4].removeprefix("-") + "-"
    elif odd == "blanks":
        fields = [f" {field}\u00a0" if place != 5 else field for place, field in enumerate(fields)]
    elif odd == "all quoted":
        fields = [field if field.startswith('"') else f'"{field}"' for field in fields]
    elif odd == "crlf":
        end = "\r\n"
    text = _line(fields, end)
    return Record(b"\xef\xbb\xbf" + text if odd == "mark" else text, odd, None, order, text)


def _but(order: Order, **changes: Any) -> list[Any]:
    values = {name: getattr(order, name) for name in order.__slots__} if hasattr(order, "__slots__") else vars(order)
    return list({**values, **changes}.values())


def csv_file(seed: int, day: date) -> list[Record]:
    """Records of one file: 40 good ones, some of them twice, and 16 bad ones at random places."""
    rng = random.Random(seed)
    orders = [_order(rng, day, number) for number in range(GOOD_ROWS + BAD_ROWS)]
    good = [_good_record(rng, order) for order in orders[:GOOD_ROWS]]
    kinds = [CSV_KINDS[(seed * BAD_ROWS + place) % len(CSV_KINDS)] for place in range(BAD_ROWS)]
    bad = [_bad_record(kind, order) for kind, order in zip(kinds, orders[GOOD_ROWS:], strict=True)]
    records = good + bad
    rng.shuffle(records)
    again = [record for record in records if record.code is None][: rng.randrange(3)]
    return records + again


_BAD_VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "no key": ({"Nr": None}, "missing_key"),
    "empty key": ({"Nr": ""}, "missing_key"),
    "object for a text": ({"Status": {"de": "offen"}}, "bad_text"),
    "list for a key": ({"Nr": [1, 2]}, "bad_text"),
    "object for a number": ({"Netto": {"value": 5}}, "bad_number"),
    "list for a number": ({"Netto": [1, 2]}, "bad_number"),
    "yes for a number": ({"Netto": True}, "bad_number"),
    "word for a number": ({"Netto": "zwölf"}, "bad_number"),
    "null for a number": ({"Netto": None}, "missing_required"),
    "number for a date": ({"Datum": 46026.5}, "bad_timestamp"),
    "German date": ({"Datum": "05.01.2026 10:00:00"}, "bad_timestamp"),
    "year of two digits": ({"Datum": "26-01-05 10:00:00"}, "bad_timestamp"),
    "epoch zero": ({"Datum": "1970-01-01T00:00:00Z"}, "epoch_zero"),
    "two years ahead": ({"Datum": "2029-01-05T00:00:00Z"}, "in_future"),
    "NaN for a number": ({"Netto": float("nan")}, "bad_number"),
    "infinite": ({"Netto": float("-inf")}, "bad_number"),
    "number for yes or no": ({"Test": 17}, "bad_boolean"),
}
_BAD_JSON = {
    "breaks off": lambda text: text[: len(text) // 2],
    "list for a record": lambda text: "[" + text + "]",
    "text for a record": lambda text: json.dumps("Nr 7"),
    "null for a record": lambda text: "null",
    "two records in a line": lambda text: text + text,
    "single quotes": lambda text: text.replace('"', "'"),
    "no JSON": lambda text: "<html>502 Bad Gateway</html>",
}
JSON_KINDS = [*_BAD_VALUES, *_BAD_JSON, "key left out", "deep", "half a character"]


def _json_fields(order: Order) -> dict[str, Any]:
    return {
        "Nr": order.number, "Datum": f"{order.at:%Y-%m-%dT%H:%M:%SZ}", "Kunde": order.customer,
        "PLZ": order.postal_code, "Netto": float(order.net), "Status": order.status, "Test": False,
    }  # fmt: skip


def _bad_json(kind: str, order: Order) -> Record:
    fields = _json_fields(order)
    mended = json.dumps(fields)
    if kind in _BAD_VALUES:
        changed, code = _BAD_VALUES[kind]
        text = json.dumps({**fields, **changed}).encode()
    elif kind in _BAD_JSON:
        code, text = "malformed_row", _BAD_JSON[kind](mended).encode()
    elif kind == "key left out":
        code, text = "missing_required", json.dumps({**fields, "Netto": None}).replace('"Netto"', '"Brutto"').encode()
    elif kind == "deep":
        code, text = "bad_text", json.dumps({**fields, "Status": "@"}).replace('"@"', "[" * 200 + "]" * 200).encode()
    else:
        code, text = "bad_encoding", json.dumps({**fields, "Status": "@"}).encode().replace(b"@", b"\xe2\x82")
    return Record(text + b"\n", kind, code, order, mended.encode() + b"\n")


def json_file(seed: int, day: date) -> list[Record]:
    """Records of one file of JSON lines."""
    rng = random.Random(seed)
    orders = [_order(rng, day, number) for number in range(GOOD_ROWS + BAD_ROWS)]
    good = []
    for order in orders[:GOOD_ROWS]:
        text = json.dumps(_json_fields(order), ensure_ascii=rng.random() < 0.5)
        # What is no JSON in the strict sense and yet means one thing only is read.
        text = rng.choice([text, text, text[:-1] + ",}", text[:-1] + ', "x": NaN}', "  " + text + " "])
        text = text.encode() + rng.choice([b"\n", b"\r\n"])
        good.append(Record(text, "", None, order, text))
    kinds = [JSON_KINDS[(seed * BAD_ROWS + place) % len(JSON_KINDS)] for place in range(BAD_ROWS)]
    records = good + [_bad_json(kind, order) for kind, order in zip(kinds, orders[GOOD_ROWS:], strict=True)]
    rng.shuffle(records)
    # A last line that breaks off is a file that was cut, which is another matter.
    return sorted(records, key=lambda record: record.kind == "")


def days(count: int) -> list[date]:
    return [date(2025, 11, 2) + timedelta(days=number) for number in range(count)]
